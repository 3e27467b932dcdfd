package packages

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rpm"
)

var (
	oldSet = []string{"cli-4.1.1-1.noarch", "composer-old-4.1.1-1.noarch", "dropped-4.1.1-1.noarch", "influx-17.6.30-1.noarch", "rest-4.1.1-1.noarch", "same-0.8-1.noarch"}
	newSet = []string{"cli-4.2.0-1.noarch", "composer-4.2.0-1.noarch", "influx-4.2.0-1.noarch", "rest-4.2.0-1.noarch", "same-0.8-1.noarch"}
)

func without(set []string, name string) []string {
	var rest []string
	for _, s := range set {
		if !strings.HasPrefix(s, name+"-") {
			rest = append(rest, s)
		}
	}
	return rest
}

func setOf(t *testing.T, w *rpmtest.World) *Set {
	t.Helper()
	s := New(w.Manifest, w.Dir, w.Var, w.Root)
	had, err := s.Optional(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.Had = had
	return s
}

func mustBe(t *testing.T, w *rpmtest.World, s *Set, side manifest.Side, want []string) {
	t.Helper()
	if got := strings.Join(w.Set(t), " "); got != strings.Join(want, " ") {
		t.Errorf("installed: %s\nwant:      %s", got, strings.Join(want, " "))
	}
	differs, err := s.Check(context.Background(), side)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differs {
		t.Errorf("%s: %s", side, d)
	}
	rest, influx, app := "rest 4.1.1", "i", "old app"
	if side == manifest.New {
		rest, influx, app = "rest 4.2.0!", "j", "new app"
	}
	for path, begin := range map[string]string{"/opt/manager/rest.py": rest, "/opt/influx/bin": influx, "/opt/composer/app.js": app} {
		if got := w.Read(path); !strings.HasPrefix(got, begin) {
			t.Errorf("%s begins with %.20q, want %q", path, got, begin)
		}
	}
	for path, only := range map[string]manifest.Side{
		"/opt/manager/old-only.py": manifest.Old, "/opt/dropped/x": manifest.Old, "/opt/manager/new-dir/new-only.py": manifest.New,
	} {
		if got := w.Read(path); (got != "") != (side == only) {
			t.Errorf("%s is %q on the %s side", path, got, side)
		}
	}
	if got := w.Read("/opt/manager/resources/blueprint"); got != "uploaded" {
		t.Errorf("the uploaded blueprint is %q", got)
	}
	if left, _ := filepath.Glob(w.Root + "/opt/*/*;*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := w.Read("/opt/manager/rest.conf"); got != "conf of the host" {
		t.Errorf("rest.conf is %q", got)
	}
}

func customize(t *testing.T, w *rpmtest.World) {
	w.Write(t, "/opt/manager/resources/blueprint", "uploaded")
	w.Write(t, "/opt/manager/rest.conf", "conf of the host")
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	mustBe(t, w, s, manifest.Old, oldSet)
	if paths, err := s.Record(ctx); err != nil || len(paths) != 0 {
		t.Fatalf("record: %v %v", paths, err)
	}
	var seen []string
	o := Options{Progress: func(p rpm.Progress) {
		if p.Percent == 100 {
			seen = append(seen, p.Package)
		}
	}}
	if err := s.Converge(ctx, manifest.New, o); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.New, newSet)
	if got := w.Read("/opt/manager/env"); got != "4.2.0\n" {
		t.Errorf("the %%post left %q", got)
	}
	if !strings.Contains(strings.Join(seen, " "), "rest-4.2.0-1.noarch") {
		t.Errorf("progress named %v", seen)
	}
	if err := s.Converge(ctx, manifest.Old, Options{}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.Old, oldSet)
	for _, dir := range []string{"/opt/manager/new-dir", "/opt/unowned"} {
		if _, err := os.Lstat(w.Root + dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s, which only the new release has, is still there: %v", dir, err)
		}
	}
}

func TestConvergeDoesNothingWhenAllIsRight(t *testing.T) {
	t.Parallel()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	for _, side := range []manifest.Side{manifest.Old, manifest.New, manifest.New, manifest.Old, manifest.Old} {
		if err := s.Converge(context.Background(), side, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	// One call of rpm for each change of sides: the log is kept once, and the one before it.
	for _, log := range []string{"rpm-new.err.before", "rpm-old.err.before"} {
		if _, err := os.Stat(filepath.Join(w.Var, log)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: rpm ran more often than needed (%v)", log, err)
		}
	}
}

func TestOptionalStaysAway(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t, "cli")
	customize(t, w)
	s := setOf(t, w)
	if err := s.Converge(ctx, manifest.New, Options{}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.New, without(newSet, "cli"))
	if err := s.Converge(ctx, manifest.Old, Options{}); err != nil {
		t.Fatal(err)
	}
	mustBe(t, w, s, manifest.Old, without(oldSet, "cli"))
}

func TestHostsOwnFilesComeBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := rpmtest.Product(t)
	w.Install(t)
	customize(t, w)
	s := setOf(t, w)
	w.Write(t, "/opt/influx/bin", "i, patched by hand")
	w.Write(t, "/opt/manager/new-dir/new-only.py", "the admin's own")
	if err := os.Remove(w.Root + "/opt/manager/current"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(w.Root+"/opt/manager/rest.py", 991, 991); err != nil {
		t.Fatal(err)
	}
	paths, err := s.Record(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := "/opt/influx/bin /opt/manager/current /opt/manager/new-dir /opt/manager/new-dir/new-only.py /opt/manager/rest.py"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("recorded %s\nwant     %s", got, want)
	}
	if err := s.Converge(ctx, manifest.New, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Converge(ctx, manifest.Old, Options{}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/opt/influx/bin": "i, patched by hand", "/opt/manager/new-dir/new-only.py": "the admin's own", "/opt/manager/rest.py": "rest 4.1.1",
	} {
		if got := w.Read(path); got != want {
			t.Errorf("%s is %q, was %q", path, got, want)
		}
	}
	if _, err := os.Lstat(w.Root + "/opt/manager/current"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link that the admin had removed is back: %v", err)
	}
	differs, err := s.Check(ctx, manifest.Old)
	if err != nil || len(differs) > 0 {
		t.Errorf("differs: %v %v", differs, err)
	}
}

// TestPlainBecomesConfig holds the proof of the old side to leave a file alone
// that becomes configuration, and that this host changed.
func TestPlainBecomesConfig(t *testing.T) {
	t.Parallel()
	w := rpmtest.New(t,
		[]rpmtest.Package{{Name: "app", Version: "1", Files: []rpmtest.File{{Path: "/etc/plain", Body: "p1\n"}}}},
		[]rpmtest.Package{{Name: "app", Version: "2", Files: []rpmtest.File{{Path: "/etc/plain", Body: "p2\n", Config: true}}}})
	w.Install(t)
	s := setOf(t, w)
	w.Write(t, "/etc/plain", "mine\n")
	if _, err := s.Record(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, side := range []manifest.Side{manifest.New, manifest.Old} {
		if err := s.Converge(t.Context(), side, Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// encode and decode hand a Set to another process.
func encode(t *testing.T, s *Set) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"Manifest": s.Manifest, "Dir": s.Dir, "Var": s.Var, "Had": s.Had, "Root": s.RPM.Root})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func decode(t *testing.T, text string) *Set {
	t.Helper()
	var v struct {
		Manifest       *manifest.Manifest
		Dir, Var, Root string
		Had            []string
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	s := New(v.Manifest, v.Dir, v.Var, v.Root)
	s.Had = v.Had
	return s
}
