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
conflict  2.0 /etc/a.conf:server.port=old
	conflict 2.0  /etc/b.conf = new
conflict 2.1 /etc/c.env:A=B = old
ended 2.0 storage public.jobs a b=c = failed
accept 2.0  roles = yes
conflict /etc/d.conf = old
`, 0o644))
	want := []Conflict{
		{"2.0", "/etc/a.conf", "server.port", manifest.Old, 5}, {"2.0", "/etc/b.conf", "*", manifest.New, 6}, {"2.1", "/etc/c.env", "A=B", manifest.Old, 7},
		{"", "/etc/d.conf", "*", manifest.Old, 10},
	}
	if ended := []Ended{{"2.0", "storage", "public.jobs", "a b=c", "failed", 8}}; !reflect.DeepEqual(s.Ended, ended) {
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
		"keep-backup = 3d":                                   `1: there is no setting "keep-backup"`,
		"\n\nnonsense":                                       `3: not a setting`,
		"keep-backups = 3":                                   `1: keep-backups: "3" is neither`,
		"keep-backups = 0d":                                  `neither a number of days`,
		"keep-backups = 99999d":                              `neither a number of days`,
		"keep-backups = 3d\nkeep-backups = 4d":               `2: "keep-backups" is set twice; the first is on line 1`,
		"wait-for-packages = 5":                              `wait-for-packages: "5" is no time from 1s to 24h`,
		"wait-for-packages = 25h":                            `"25h" is no time`,
		"wait-for-packages = -1s":                            `"-1s" is no time`,
		"conflict 2.0 /etc/a = mine":                         `neither old`,
		"conflict /etc/a = mine":                             `neither old`,
		"conflict 2.0 etc/a = old":                           `"2.0 etc/a" is not RELEASE FILE or RELEASE FILE:KEY`,
		"conflict 2.0 /etc/a: = old":                         `is not RELEASE FILE or RELEASE FILE:KEY`,
		"conflict etc/a = old":                               `"etc/a" is not RELEASE FILE`,
		"conflict = old":                                     `is not RELEASE FILE`,
		"conflict 2.0 = old":                                 `"2.0" is not RELEASE FILE`,
		"ended 2.0 storage jobs = failed":                    `"2.0 storage jobs = failed" is not RELEASE STORE TABLE KEY = VALUE`,
		"ended storage jobs a = failed":                      `is not RELEASE STORE TABLE KEY = VALUE`,
		"ended 2.0 storage jobs a =":                         `is not RELEASE STORE TABLE KEY = VALUE`,
		"accept roles = yes":                                 `accept: "roles = yes" is not RELEASE NAME = yes`,
		"accept 2.0 roles = no":                              `accept: "2.0 roles = no" is not`,
		"accept 2.0 roles =":                                 `is not RELEASE NAME = yes`,
		strings.Repeat("#", maxSize+1):                       `more than 65536`,
		"keep-backups = " + strings.Repeat("9", 1000):        `..."`,
		"conflict 2 /etc/a:k = old\nconflict 2 /etc/a:k=new": `set twice`,
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

// TestDecisions: a decision is for the upgrade to the release that it names. One for another release is told and decides
// nothing, one that names none refuses with what to write, and one about no file of the upgrade is a warning.
func TestDecisions(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", To: "2.0", Config: []manifest.Config{{Target: "/etc/x"}, {Target: "/etc/y"}}}
	s := Settings{Path: "f", Conflicts: []Conflict{
		{"2.0", "/etc/x", "a", manifest.Old, 1}, {"2.0", "/etc/x", "*", manifest.New, 2}, {"2.0", "/etc/z", "*", manifest.Old, 3},
		{"1.1", "/etc/x", "b", manifest.New, 4}, {"1.1", "/etc/y", "*", manifest.New, 5}, {"", "/etc/y", "k", manifest.New, 6},
	}, Accepted: []Accepted{{"2.1", "roles", 7}}}
	got := s.Decisions("2.0")
	if len(got) != 2 || len(got["/etc/x"]) != 2 || got["/etc/x"]["a"].Side != manifest.Old || got["/etc/x"]["*"].Line != 2 || len(got["/etc/y"]) != 0 {
		t.Errorf("got %+v", got)
	}
	var told []string
	for _, f := range s.Findings(m, "/etc/packaged") {
		told = append(told, fmt.Sprint(f.ID, " ", f.Level, " ", f.What, " / ", f.Do))
	}
	want := []string{
		`settings refuse f:6: conflict names no release, so it may have been decided for another upgrade / if it is meant for the upgrade to 2.0, write "conflict 2.0 /etc/y:k = new" instead; otherwise remove the line`,
		`settings-unused warn f:3 decides about /etc/z, which the upgrade to 2.0 does not merge / look whether the path is right`,
		`settings-other note f:4, f:5 decide for the upgrade to 1.1, and nothing of this one to 2.0 / `,
		`settings-other note f:7 decides for the upgrade to 2.1, and nothing of this one to 2.0 / `,
	}
	if !slices.Equal(told, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// TestEnded: what the admin declares ended is copied so; what the upgrade does not know is reported.
func TestEnded(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", To: "2.0", Stores: []manifest.Store{{Name: "storage", Tables: []manifest.StoreTable{{Table: "jobs", Key: []string{"id"},
		Columns: map[string]manifest.StoreColumn{"state": {From: "state", Only: []string{"begun", "failed"}, Final: []string{"failed"}}}}}}}}
	s := Settings{Path: "f", Ended: []Ended{
		{"2.0", "storage", "jobs", "a", "failed", 1}, {"2.0", "storage", "jobs", "b", "begun", 2}, {"2.0", "storage", "nodes", "b", "failed", 3}, {"2.0", "other", "jobs", "b", "failed", 4},
		{"1.0", "storage", "jobs", "c", "failed", 5}, {"storage", "jobs", "d", "e", "failed", 6},
	}}
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
	want := []string{
		`settings refuse f:6: ended names no release, so it may have been decided for another upgrade`,
		`store-ended note store storage: the document a of jobs is copied with "failed", if it has not ended by itself, as f:1 decides`,
		`settings refuse f:2: ended: "begun" is not final for jobs`,
		`settings-unused warn f:3 ends a document of nodes in the store storage, and the upgrade to 2.0 copies none such`,
		`settings-unused warn f:4 ends a document of jobs in the store other, and the upgrade to 2.0 copies none such`,
		`settings-other note f:5 decides for the upgrade to 1.0, and nothing of this one to 2.0`,
	}
	if len(got) != len(want) {
		t.Fatalf("got\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %s\nwant %s", got[i], want[i])
		}
	}
}

// TestAccepted: a word for another upgrade may stay, one for nothing of this upgrade is reported.
func TestAccepted(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{Prefix: "p", To: "2.0", Accept: []manifest.Acceptance{{Name: "roles"}}}
	s := Settings{Path: "f", Accepted: []Accepted{{"2.0", "roles", 1}, {"2.1", "others", 2}, {"2.0", "rolls", 3}}}
	if found := s.Findings(m); len(found) != 2 || found[0].ID != "settings-unused" || found[0].Level != "warn" || !strings.Contains(found[0].What, `f:3 accepts "rolls"`) || found[1].ID != "settings-other" {
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
		if line = strings.TrimPrefix(line, "# "); strings.HasPrefix(line, "keep-backups =") || strings.HasPrefix(line, "conflict 2") || strings.HasPrefix(line, "ended 2") || strings.HasPrefix(line, "accept 2") {
			lines = append(lines, line)
		}
	}
	if s := Read(write(t, strings.Join(lines, "\n"), 0o644)); len(lines) != 5 || len(s.Mistakes) > 0 || len(s.Conflicts) != 2 || len(s.Decisions("2.0")) != 2 || len(s.Ended) != 1 || len(s.Accepted) != 1 {
		t.Errorf("the example's settings are not read: %q: %+v", lines, s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("keep-backups = 30d\nconflict 2.0 /etc/a:b = old\n")
	f.Add("conflict /etc/a:b = old\n")
	f.Add("= =\n#\nconflict 2 :=old")
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
