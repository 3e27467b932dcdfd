package installed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
)

// one is a release with one component of a digest.
func one(digest string) *release.Release {
	return &release.Release{Version: "1.0", Components: []release.Component{{Name: "a", EVR: "1.0-1", Arch: "noarch", SHA256: digest, Size: 1}}}
}

func noFetch(context.Context) ([]string, error) { return nil, nil }

// project is a folder whose machine/ has these files.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, Folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What a project says of the distribution is read without comments; what is wrong is told with its place.
func TestSystem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text string
		packages         string
		provides         string
		wrong            string
	}{
		{"packages", "packages", "# for all\npostgresql\n\nlibx-2+b1.0   debian12  debian13 # two\n", "postgresql\nlibx-2+b1.0 debian12 debian13\n", "", ""},
		{"provides", "provides", "postgresql-server = 15\nlibx.so.1()(64bit)\n/usr/bin/x\nnginx = 1:1.22\n", "", "postgresql-server = 15\nlibx.so.1()(64bit)\n/usr/bin/x\nnginx = 1:1.22\n", ""},
		{"none", "other", "x", "", "", ""},
		{"no package", "packages", "\n  postgresql,nginx\n", "", "", `machine/packages:2:3: "postgresql,nginx" is no Debian package; one in a line`},
		{"no platform", "packages", "postgresql  15\n", "", "", `machine/packages:1:13: "15" is no platform; there are debian11`},
		{"no provide", "provides", "a\nb >= 3\n", "", "", `machine/provides:2:1: "b >= 3" is nothing that a package provides; NAME or NAME = VERSION`},
	} {
		_, s, err := New(project(t, map[string]string{c.file: c.text}), one("x"), noFetch)
		if c.wrong != "" {
			if exit.Code(err) != exit.Spec || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %s", c.name, err, c.wrong)
			}
			continue
		}
		if err != nil || s.Packages != c.packages || s.Provides != c.provides {
			t.Errorf("%s: %q, %q, %v", c.name, s.Packages, s.Provides, err)
		}
	}
	_, _, err := New(project(t, map[string]string{"packages": "a,b\nok\nü 15 # x\n", "provides": "x > 1"}), one("x"), noFetch)
	var all []string
	for line := range strings.Lines(fmt.Sprint(err)) {
		place, _, _ := strings.Cut(line, " ")
		all = append(all, place)
	}
	if got := strings.Join(all, " "); got != "machine/packages:1:1: machine/packages:3:1: machine/provides:1:1:" {
		t.Errorf("several mistakes: %v", err)
	}
	if _, _, err := New(t.TempDir(), one(""), noFetch); exit.Code(err) != exit.Spec || exit.Hint(err) != "run bundler lock 1.0" {
		t.Errorf("a component without a digest: %v", err)
	}
}

// Another component, file, mode or link makes another machine; the same again does not.
func TestSum(t *testing.T) {
	t.Parallel()
	base := map[string]string{"setup.sh": "true", "more/data": "1"}
	made := map[string]string{}
	for _, c := range []struct {
		name   string
		digest string
		files  map[string]string
		change func(folder string) error
	}{
		{"as it is", "x", base, nil},
		{"no folder", "x", nil, nil},
		{"another component", "y", base, nil},
		{"another content", "x", map[string]string{"setup.sh": "false", "more/data": "1"}, nil},
		{"another file", "x", map[string]string{"setup.sh": "true", "more/data": "1", "more/x": ""}, nil},
		{"another name", "x", map[string]string{"setup.sh": "true", "more/date": "1"}, nil},
		{"another mode", "x", base, func(folder string) error { return os.Chmod(filepath.Join(folder, "setup.sh"), 0o700) }},
		{"a link", "x", base, func(folder string) error { return os.Symlink("setup.sh", filepath.Join(folder, "link")) }},
		{"another link", "x", base, func(folder string) error { return os.Symlink("more", filepath.Join(folder, "link")) }},
	} {
		dir := project(t, c.files)
		if c.change != nil {
			if err := c.change(filepath.Join(dir, Folder)); err != nil {
				t.Fatal(err)
			}
		}
		r, _, err := New(dir, one(c.digest), noFetch)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if as := made[r.Sum()]; as != "" {
			t.Errorf("%s: the same machine as %s", c.name, as)
		}
		made[r.Sum()] = c.name
	}
	r, _, err := New(project(t, base), one("x"), noFetch)
	if err != nil || made[r.Sum()] != "as it is" || r.Name() != "1.0" || r.HasData() {
		t.Errorf("once more: %q of %q, data %v, %v", made[r.Sum()], r.Name(), r.HasData(), err)
	}
	if r, _, err := New(project(t, map[string]string{"data.sh": ""}), one("x"), noFetch); err != nil || !r.HasData() {
		t.Errorf("a project with data has none: %v", err)
	}
}

// Who waits for a product hears what its script says, once, and when it was given up; one that serves is heard of no more.
func TestAwait(t *testing.T) {
	t.Parallel()
	var told []string
	r := Release{Tell: func(format string, a ...any) { told = append(told, fmt.Sprintf(format, a...)) }}
	asked := 0
	ask := func(until int) func(context.Context) (string, bool, error) {
		asked = 0
		return func(context.Context) (string, bool, error) {
			asked++
			return "exit 7", asked > until, nil
		}
	}
	if err := r.await(t.Context(), nil, time.Minute, 0, ask(2)); err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if len(told) != 1 || told[0] != "the product does not serve yet, machine/serves.sh is asked for 1m0s at most: exit 7" {
		t.Errorf("told %q", told)
	}
	const want = "machine/serves.sh: the product does not serve, 1ms after the boot; it last said: exit 7"
	if err := r.await(t.Context(), nil, time.Millisecond, time.Hour, ask(9)); err == nil || err.Error() != want || len(told) != 1 {
		t.Errorf("%v, want %s; told %q", err, want, told)
	}
	off := make(chan struct{})
	close(off)
	if err := r.await(t.Context(), off, time.Minute, time.Hour, ask(9)); err == nil || !strings.Contains(err.Error(), "the machine went off; it last said: exit 7") {
		t.Errorf("off: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 50 { // the machine goes off with who is ended, and neither hides that it was a person
		if err := r.await(ended, off, time.Minute, time.Hour, ask(9)); !errors.Is(err, context.Canceled) {
			t.Fatalf("ended by a person, try %d: %v", i, err)
		}
	}
}
