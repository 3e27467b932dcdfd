package platforms

import (
	"slices"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// rounds is how often a machine of each platform is upgraded to tell how long its window is.
const rounds = 3

// BenchmarkWindows upgrades machines of the platforms that ONERPM_PLATFORMS names, one at a time and the platforms in turns, and notes each
// platform's median window. Nothing else may run meanwhile: TestPlatforms, which has several machines at a time, says little of that.
func BenchmarkWindows(b *testing.B) {
	names, err := Named()
	if err != nil {
		b.Fatal(err)
	}
	kept, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	if len(names) == 0 {
		names, kept = Usual, nil
	}
	engine := machinecheck.EngineDigest(b)
	windows := map[string][]float64{}
	for range b.N {
		for range rounds {
			for _, name := range names {
				windows[name] = append(windows[name], window(b, name))
			}
		}
	}
	if kept != nil {
		kept.Keep(func(r Row) bool { return r.Test != alone || !slices.Contains(names, r.Platform) })
	}
	for _, name := range names {
		all := windows[name]
		slices.Sort(all)
		b.Logf("%s: %.2f s", name, all)
		b.ReportMetric(all[len(all)/2], name+"-s")
		if err := kept.Add(Row{Platform: name, Test: alone, Engine: engine, Window: all[len(all)/2]}); err != nil {
			b.Fatal(err)
		}
	}
}

// window upgrades a new machine and returns how long clients were kept out, in seconds.
func window(b *testing.B, platform string) float64 {
	b.Helper()
	m, err := host.Boot(b.Context(), host.Options{Platform: platform, Release: from, Data: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := m.Stop(); err != nil {
			b.Error(err)
		}
	}()
	if err := m.CopyIn(machinecheck.Bundle(b, to), bundle); err != nil {
		b.Fatal(err)
	}
	time.Sleep(time.Second) // what a boot leaves to do
	if code, said := m.ShCode(b, "dnf install -y "+bundle+" && "+prefix+" wait"); code != 0 {
		b.Fatalf("exit %d\n%s", code, said)
	}
	return reported(b, m)
}
