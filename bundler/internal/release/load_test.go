package release_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

var update = flag.Bool("update", false, "write what is got into the archives; read the difference before you commit it")

// project lays the good project out in a fresh folder, with the files of the
// archive over it; a file with the text "gone" is left out.
func project(t testing.TB, over *txtar.Archive) string {
	t.Helper()
	good, err := txtar.ParseFile("testdata/good.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range append(good.Files, over.Files...) {
		files[f.Name] = string(f.Data)
	}
	root := t.TempDir()
	for name, data := range files {
		if data == "gone\n" || name == "want" {
			continue
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, link := strings.CutPrefix(data, "link "); link {
			if err := os.Symlink(strings.TrimSpace(to), path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func load(t *testing.T) *release.Catalog {
	t.Helper()
	cat, err := release.Load(project(t, new(txtar.Archive)))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func TestLoad(t *testing.T) {
	t.Parallel()
	cat := load(t)
	if got := cat.JumpNames(); !reflect.DeepEqual(got, []string{"1.0-1.1", "1.1-2.0"}) {
		t.Errorf("jumps %q", got)
	}
	if cat.Product.PostgreSQL != "9.5" || cat.Base[0] != (release.Installed{Release: "1.0", Customers: 40}) {
		t.Errorf("product %+v, base %+v", cat.Product, cat.Base)
	}
	r := cat.Release("1.1")
	if r == nil || r.Components[1].ID().EVR() != "1:17.2-1" || r.Components[1].ID().NEVRA() != "demo-ui-1:17.2-1.noarch" || r.Components[1].ID().FileName() != "demo-ui-17.2-1.noarch.rpm" {
		t.Fatalf("release 1.1: %+v", r)
	}
	if got := cat.SourceOf(r, r.Components[0]); got != "dist/components" {
		t.Errorf("source %q", got)
	}
	if f := r.ConfigFiles[0]; f.Target != "/etc/sysconfig/demo" || f.Size != 80 || len(f.SHA256) != 64 {
		t.Errorf("config file %+v", f)
	}
	spec, err := cat.Spec("1.0-1.1")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, m := range spec.Migrations["demo"] {
		files = append(files, m.Phase+" "+m.Name)
	}
	if !reflect.DeepEqual(files, []string{"expand one", "expand two", "expand stores", "switch three"}) || !spec.Migrations["demo"][1].NoTransaction {
		t.Errorf("migrations %+v", spec.Migrations)
	}
	if c := spec.Stores[0].Tables[0].Columns; c["id"].Length != 40 || c["size"].Bits != 16 || c["body"].Length != 0 || spec.Stores[0].Tables[1].Columns["thing"].Bits != 0 {
		t.Errorf("limits of the columns: %+v", c)
	}
	if set := spec.Config[0].Set; set["SECRET"].Random != 32 || set["DEBUG"].Literal != false || set["OLD"].Copy != "PORT" {
		t.Errorf("set %+v", set)
	}
	if got := spec.Format("/etc/sysconfig/demo"); got != "env" {
		t.Errorf("format %q", got)
	}
	if _, err := cat.Spec("1.0-2.0"); exit.Code(err) != exit.Usage || !strings.Contains(exit.Hint(err), "1.0-1.1, 1.1-2.0") {
		t.Errorf("spec of no jump: %v (%s)", err, exit.Hint(err))
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	cat := load(t)
	tests := []struct {
		from, to string
		want     []string
		err      string
	}{
		{"1.0", "1.1", []string{"1.0-1.1"}, ""},
		{"1.0", "2.0", []string{"1.0-1.1", "1.1-2.0"}, ""},
		{"1.0", "", []string{"1.0-1.1", "1.1-2.0"}, ""},
		{"2.0", "2.0", nil, ""},
		{"2.0", "", nil, "there is no way from 2.0: no jump starts there"},
		{"2.0", "1.0", nil, "there is no way from 2.0 to 1.0: jumps only go from older to newer"},
		{"0.9", "2.0", nil, "there is no way from 0.9 to 2.0: its data must first come from files"},
		{"0.9", "", nil, "there is no way from 0.9: its data must first come from files"},
		{"1.0", "7", nil, `there is no release "7" in versions/`},
		{"7", "", nil, `there is no release "7" in versions/`},
	}
	for _, tt := range tests {
		got, err := cat.Route(tt.from, tt.to)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%s to %q: %q, %v", tt.from, tt.to, got, err)
		}
		if err != nil && exit.Code(err) != exit.Usage {
			t.Errorf("%s to %q: exit code %d", tt.from, tt.to, exit.Code(err))
		}
	}
}

// Each archive is what is wrong, laid over the good project, and in "want" all that
// one run tells about it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			over, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			for _, f := range over.Files {
				if f.Name == "want" {
					want = strings.TrimSpace(string(f.Data))
				}
			}
			_, err = release.Load(project(t, over))
			var list mistake.List
			if !errors.As(err, &list) || exit.Code(err) != exit.Spec {
				t.Fatalf("got %v", err)
			}
			if got := list.Error(); *update {
				over.Files[len(over.Files)-1].Data = []byte(got + "\n") // want comes last
				if err := os.WriteFile(file, txtar.Format(over), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestNothingThere(t *testing.T) {
	t.Parallel()
	_, err := release.Load(t.TempDir())
	if err == nil || exit.Code(err) != exit.Spec || !strings.Contains(err.Error(), "versions/product.yaml: there is no such file") {
		t.Errorf("got %v", err)
	}
}

// Notes are read with plain line ends; what cannot be shown to people is a mistake of the file.
func TestNotes(t *testing.T) {
	t.Parallel()
	good, err := txtar.ParseFile("testdata/good.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, f := range good.Files {
		if f.Name == "versions/1.1.yaml" {
			text = append([]byte("notes: 1.1.md\n"), f.Data...)
		}
	}
	for body, want := range map[string]string{
		"# New\r\n\r\n- a\r\n": "", "a\n\x1b[2J\n": "versions/1.1.md: cannot be shown to customers: line 2 has the control character U+001B; Markdown in UTF-8 without control characters",
		strings.Repeat("x", 20000): "versions/1.1.md: cannot be shown to customers: 20000 bytes; notes have at most 16384", "": "nothing in it", strings.Repeat("x", 40000): "notes have at most 16384",
	} {
		over := &txtar.Archive{Files: []txtar.File{{Name: "versions/1.1.yaml", Data: text}, {Name: "versions/1.1.md", Data: []byte(body)}}}
		cat, err := release.Load(project(t, over))
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want == "" && cat.Release("1.1").NotesText != "# New\n\n- a":
			t.Errorf("got %q", cat.Release("1.1").NotesText)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.20q: got %v, want %s", body, err, want)
		}
	}
}
