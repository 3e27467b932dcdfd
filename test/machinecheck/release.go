package machinecheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/host"
)

// Manifest reads the manifest that a bundle installed in the machine.
func Manifest(t testing.TB, m *host.Machine, to string) *manifest.Manifest {
	t.Helper()
	got, err := manifest.Decode(strings.NewReader(m.Sh(t, fmt.Sprintf("cat /opt/%s/%s/manifest.json", Prefix, to)) + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// New proves that a machine is the release: packages, files, units, API.
func New(t testing.TB, m *host.Machine, to string) {
	t.Helper()
	mf := Manifest(t, m, to)
	if got, want := Packages(t, m), Want(mf.New); got != want {
		t.Errorf("packages:\n%s\nwant\n%s", got, want)
	}
	verify(t, m, mf, mf.New)
	units := ""
	for _, s := range mf.Services {
		units += " " + s.Unit
	}
	_, out := m.ShCode(t, "systemctl is-active"+units) // a line for each
	states := strings.Split(strings.TrimSpace(out), "\n")
	for i, s := range mf.Services {
		want := "active"
		if s.Only == manifest.Old {
			want = "inactive"
		}
		if len(states) != len(mf.Services) || states[i] != want {
			t.Errorf("unit %s is not %s: %q", s.Unit, want, states)
		}
	}
	settled(t, m, to, "done")
}

// Old proves that a machine is the release from which the bundle that leads to
// to could not take it: packages, files, API. What it was like before, [Whole] tells.
func Old(t testing.TB, m *host.Machine, to string) {
	t.Helper()
	mf := Manifest(t, m, to)
	if got, want := Packages(t, m), Want(mf.Old); got != want {
		t.Errorf("packages:\n%s\nwant\n%s", got, want)
	}
	verify(t, m, mf, mf.Old)
	settled(t, m, mf.From, "rolled-back")
}

// settled proves that the machine serves a release and that no upgrade is at work.
func settled(t testing.TB, m *host.Machine, release, word string) {
	t.Helper()
	AwaitEnd(t, m)
	if got := m.Sh(t, "curl -sS -m 10 http://127.0.0.1/api/v2.1/version"); !strings.Contains(got, `"`+release+`"`) {
		t.Errorf("version through the door: %s, want %s", got, release)
	}
	if got := m.Sh(t, "cat /var/lib/"+Prefix+"/state"); got != word {
		t.Errorf("state is %q, want %s", got, word)
	}
	if got := Left(t, m); got != "" {
		t.Errorf("left behind: %s", got)
	}
	if got := m.Sh(t, `find / -xdev -regextype posix-extended -regex '.*;[0-9a-f]{8}' -not -path '/proc/*' | head`); got != "" {
		t.Errorf("rpm's temporaries were left: %s", got)
	}
}

// Left lists what an upgrade that has ended must have taken away, one file or table of the kernel's a line.
func Left(t testing.TB, m *host.Machine) string {
	t.Helper()
	_, files := m.ShCode(t, `ls /etc/systemd/system/*.d/~`+Prefix+`.conf /var/lib/`+Prefix+`/window /var/lib/`+Prefix+`/*-may-start /etc/systemd/system/`+Prefix+`.service 2>/dev/null`)
	tables, err := m.Tables()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(files + "\n" + strings.Join(tables, "\n"))
}

// verify lets rpm itself say that the files are as the packages have them,
// outside declared configuration and state.
func verify(t testing.TB, m *host.Machine, mf *manifest.Manifest, set []manifest.Package) {
	t.Helper()
	exempt := append([]string{}, mf.State...)
	for _, c := range mf.Config {
		exempt = append(exempt, c.Target)
	}
	names := ""
	for _, p := range set {
		names += " " + p.Name
	}
	_, out := m.ShCode(t, "rpm -V --nomtime"+names)
lines:
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[1] == "c" { // "c" marks %config
			continue
		}
		path := fields[len(fields)-1]
		if strings.Trim(fields[0], ".UG") == "" && slices.ContainsFunc(mf.Owners, func(o manifest.Owner) bool { return manifest.Within(path, o.Path) }) {
			continue // the jump gives it another owner
		}
		for _, e := range exempt {
			if path == e || strings.HasPrefix(path, e+"/") {
				continue lines
			}
		}
		t.Errorf("rpm -V: %s", line)
	}
}
