package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
)

const (
	many     = 10_000
	mostText = 8_000_000 // bytes of a channel's index, and of the front for each channel
	mostRAM  = 128 << 20 // bytes that a publisher may take at once
)

// filled returns a store with many bundles in both channels, and the file of one that is not among them.
func filled(t testing.TB) (address, file string) {
	t.Helper()
	address = t.TempDir()
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file = build(t, jump{from: "2.0", to: "2.1", revision: 1})
	if err := open(t, s).Fill(t.Context(), load(t, file), many); err != nil {
		t.Fatal(err)
	}
	return address, file
}

// publishOne publishes a file in a process of its own, and returns the most memory that it had, in bytes. (What wait4 tells of
// it would be that of this process, if that had more.)
func publishOne(t testing.TB, address, file string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], file)
	cmd.Env = append(os.Environ(), publisherStore+"="+address)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("publish: %v\n%s", err, out)
	}
	_, hwm, _ := strings.Cut(string(out), "VmHWM:")
	var peak int
	if _, err := fmt.Sscanf(hwm, "%d kB", &peak); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	return peak << 10
}

// TestManyBundles publishes one more bundle where there are ten thousand.
func TestManyBundles(t *testing.T) {
	t.Parallel()
	address, file := filled(t)
	if peak := publishOne(t, address, file); peak > mostRAM {
		t.Errorf("it took %d MiB, at most %d", peak>>20, mostRAM>>20)
	} else {
		t.Logf("it took %d MiB", peak>>20)
	}
	s, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, s)
	f, err := r.Front(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := len(f.Channels[repo.Testing].Bundles), len(f.Channels[repo.Stable].Bundles); a != many+1 || b != many {
		t.Errorf("there are %d and %d bundles", a, b)
	}
	for _, c := range repo.Channels {
		at, err := r.Generation(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(content(t, s, at+"/index.json")); n > mostText {
			t.Errorf("the index of %s has %d bytes, at most %d", c, n, mostText)
		} else {
			t.Logf("the index of %s has %d bytes", c, n)
		}
	}
	if n := len(content(t, s, "index.json")); n > len(repo.Channels)*mostText {
		t.Errorf("the front has %d bytes, at most %d a channel", n, mostText)
	} else {
		t.Logf("the front has %d bytes", n)
	}
}

// BenchmarkOneMore measures a publisher in a process of its own, beside one that finds ten bundles.
func BenchmarkOneMore(b *testing.B) {
	address, _ := filled(b)
	few := b.TempDir()
	for name, at := range map[string]string{"of10000": address, "of0": few} {
		b.Run(name, func(b *testing.B) {
			revision, peak := 0, 0
			for b.Loop() {
				b.StopTimer()
				revision++
				file := build(b, jump{from: "2.0", to: "2.1", revision: revision})
				b.StartTimer()
				peak = max(peak, publishOne(b, at, file))
			}
			b.ReportMetric(float64(peak>>20), "MiB")
		})
	}
}
