package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upgrade.conf")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := Read(write(t, `
# a comment
keep-backups = 30d
wait-for-packages = 90s
conflict  /etc/a.conf:server.port=old
	conflict /etc/b.conf = new
conflict /etc/c.env:A=B = old
ended storage public.jobs a b=c = failed
accept 2.0  roles = yes
`, 0o644))
	want := []Conflict{
		{"/etc/a.conf", "server.port", manifest.Old, 5}, {"/etc/b.conf", "*", manifest.New, 6}, {"/etc/c.env", "A=B", manifest.Old, 7},
	}
	if ended := []Ended{{"storage", "public.jobs", "a b=c", "failed", 8}}; !reflect.DeepEqual(s.Ended, ended) {
		t.Errorf("got %+v", s.Ended)
	}
	if s.Accepts("2.0", "roles") != 9 || s.Accepts("2.0", "others") != 0 || s.Accepts("2.1", "roles") != 0 {
		t.Errorf("got %+v", s.Accepted)
	}
	if len(s.Mistakes) > 0 || s.KeepBackups != 30*24*time.Hour || s.LockWait != 90*time.Second || !reflect.DeepEqual(s.Conflicts, want) {
		t.Errorf("got %+v", s)
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"keep-backup = 3d":                               `1: there is no setting "keep-backup"`,
		"\n\nnonsense":                                   `3: not a setting`,
		"keep-backups = 3":                               `1: keep-backups: "3" is neither`,
		"keep-backups = 0d":                              `neither a number of days`,
		"keep-backups = 99999d":                          `neither a number of days`,
		"keep-backups = 3d\nkeep-backups = 4d":           `2: "keep-backups" is set twice; the first is on line 1`,
		"wait-for-packages = 5":                          `wait-for-packages: "5" is no time from 1s to 24h`,
		"wait-for-packages = 25h":                        `"25h" is no time`,
		"wait-for-packages = -1s":                        `"-1s" is no time`,
		"conflict /etc/a = mine":                         `neither old`,
		"conflict etc/a = old":                           `is not FILE or FILE:KEY`,
		"conflict /etc/a: = old":                         `is not FILE or FILE:KEY`,
		"conflict = old":                                 `is not FILE or FILE:KEY`,
		"ended storage jobs = failed":                    `"storage jobs = failed" is not STORE TABLE KEY = VALUE`,
		"ended storage jobs a =":                         `is not STORE TABLE KEY = VALUE`,
		"accept roles = yes":                             `accept: "roles = yes" is not RELEASE NAME = yes`,
		"accept 2.0 roles = no":                          `accept: "2.0 roles = no" is not`,
		"accept 2.0 roles =":                             `is not RELEASE NAME = yes`,
		strings.Repeat("#", maxSize+1):                   `more than 65536`,
		"keep-backups = " + strings.Repeat("9", 1000):    `..."`,
		"conflict /etc/a:k = old\nconflict /etc/a:k=new": `set twice`,
	} {
		path := write(t, text, 0o644)
		s := Read(path)
		found := s.Findings(&manifest.Manifest{Prefix: "p"})
		if len(s.Mistakes) != 1 || found[0].Level != "refuse" || !strings.Contains(found[0].What, want) || !strings.HasPrefix(found[0].What, path) {
			t.Errorf("%.60q: got %v, want %q", text, found, want)
		}
	}
}

func TestFilesThatAreNotRead(t *testing.T) {
	t.Parallel()
	path := write(t, "keep-backups = 3d", 0o644)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if s := Read(path); len(s.Mistakes) != 1 || s.KeepBackups != 0 {
		t.Errorf("a file that everybody can write: %+v", s)
	}
	if s := Read(t.TempDir()); len(s.Mistakes) != 1 {
		t.Errorf("a folder: %+v", s)
	}
	if s := Read(filepath.Join(t.TempDir(), "none")); len(s.Mistakes) != 0 {
		t.Errorf("no file: %+v", s)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	spec := map[string]manifest.Side{"a": manifest.New, "b": manifest.New}
	m := &manifest.Manifest{Prefix: "p", Config: []manifest.Config{{Target: "/etc/x", Policy: spec}, {Target: "/etc/y"}}}
	s := Settings{Path: "f", Conflicts: []Conflict{{"/etc/x", "a", manifest.Old, 1}, {"/etc/y", "*", manifest.Old, 2}, {"/etc/z", "*", manifest.Old, 3}}}
	s.Apply(m)
	if got := fmt.Sprint(m.Config[0].Policy, m.Config[1].Policy); got != "map[a:old b:new] map[*:old]" {
		t.Error(got)
	}
	if spec["a"] != manifest.New {
		t.Error("the spec's own map was written to")
	}
	if found := s.Findings(m); len(found) != 1 || found[0].Level != "warn" || !strings.Contains(found[0].What, "f:3 decides about /etc/z") {
		t.Errorf("got %v", found)
	}
}

// TestEnded: what the admin declares ended is copied so; what the upgrade does not know is reported.
func TestEnded(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", Stores: []manifest.Store{{Name: "storage", Tables: []manifest.StoreTable{{Table: "jobs", Key: []string{"id"},
		Columns: map[string]manifest.StoreColumn{"state": {From: "state", Only: []string{"begun", "failed"}, Final: []string{"failed"}}}}}}}}
	s := Settings{Path: "f", Ended: []Ended{{"storage", "jobs", "a", "failed", 1}, {"storage", "jobs", "b", "begun", 2}, {"storage", "nodes", "b", "failed", 3}, {"other", "jobs", "b", "failed", 4}}}
	s.Apply(m)
	if edits := m.Stores[0].Tables[0].Edit; len(edits) != 1 || string(edits[0].When["id"].Is) != `"a"` || string(edits[0].Set["state"]) != `"failed"` {
		t.Errorf("edits %+v", edits)
	}
	if mistakes := m.Stores[0].Check(); slices.ContainsFunc(mistakes, func(m manifest.StoreMistake) bool { return len(m.Path) > 2 && m.Path[2] == "edit" }) {
		t.Errorf("the edit is wrong: %v", mistakes)
	}
	var got []string
	for _, f := range s.Findings(m) {
		got = append(got, f.ID+" "+string(f.Level)+" "+f.What)
	}
	if text := strings.Join(got, "\n"); len(got) != 3 || !strings.Contains(text, `settings refuse f:2: ended: "begun" is not final for jobs`) ||
		!strings.Contains(text, "settings-unused warn f:3 ends a document of nodes") || !strings.Contains(text, "f:4") {
		t.Errorf("got %s", text)
	}
}

// TestAccepted: a word for another upgrade may stay, one for nothing of this upgrade is reported.
func TestAccepted(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", To: "2.0", Accept: []manifest.Acceptance{{Name: "roles"}}}
	s := Settings{Path: "f", Accepted: []Accepted{{"2.0", "roles", 1}, {"2.1", "others", 2}, {"2.0", "rolls", 3}}}
	if found := s.Findings(m); len(found) != 1 || found[0].ID != "settings-unused" || found[0].Level != "warn" || !strings.Contains(found[0].What, `f:3 accepts "rolls"`) {
		t.Errorf("got %v", found)
	}
}

// TestExample holds the shown example to the reader: as it is, and with its comments taken away.
func TestExample(t *testing.T) {
	t.Parallel()
	text := Example("p")
	if s := Read(write(t, text, 0o644)); len(s.Mistakes)+len(s.Conflicts)+len(s.Ended)+len(s.Accepted) != 0 || s.KeepBackups != 0 {
		t.Errorf("the example decides something: %+v", s)
	}
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimPrefix(line, "# "); strings.HasPrefix(line, "keep-backups =") || strings.HasPrefix(line, "conflict /") || strings.HasPrefix(line, "ended ") || strings.HasPrefix(line, "accept 2") {
			lines = append(lines, line)
		}
	}
	if s := Read(write(t, strings.Join(lines, "\n"), 0o644)); len(lines) != 5 || len(s.Mistakes) > 0 || len(s.Conflicts) != 2 || len(s.Ended) != 1 || len(s.Accepted) != 1 {
		t.Errorf("the example's settings are not read: %q: %+v", lines, s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("keep-backups = 30d\nconflict /etc/a:b = old\n")
	f.Add("= =\n#\nconflict :=old")
	f.Fuzz(func(t *testing.T, text string) {
		var s Settings
		s.parse(text)
		for _, c := range s.Conflicts {
			if c.Target == "" || c.Key == "" || (c.Side != manifest.Old && c.Side != manifest.New) {
				t.Errorf("%q: %+v", text, c)
			}
		}
	})
}
