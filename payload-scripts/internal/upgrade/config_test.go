package upgrade

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/hostcheck"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/settings"
)

// configFile is a %config file of a package on a host, and what becomes of it.
type configFile struct {
	path, base, theirs string // "" for a side that does not have it
	mine               string // "" for a host that has it as the old package does, "-" for one that does not have it
	want               string // "" for no file
	did                files.Did
}

var configFiles = []configFile{
	{"untouched.conf", "a\n1\nb\n", "a\n2\nb\n", "", "a\n2\nb\n", files.Updated},
	{"edited.conf", "a\nb\nc\nd\ne\n1\n", "a\nb\nc\nd\ne\n2\n", "mine\nb\nc\nd\ne\n1\n", "mine\nb\nc\nd\ne\n2\n", files.Merged},
	{"edited.json", `{"a": 1, "b": 1}`, `{"a": 1, "b": 2, "c": 3}`, `{"a": 7, "b": 1}`, `{"a": 7, "b": 2, "c": 3}`, files.Merged},
	{"no.json", "{ // not json\n1\n2\n3\n4\n", "{ // not json\n1\n2\n3\n5\n", "{ // mine\n1\n2\n3\n4\n", "{ // mine\n1\n2\n3\n5\n", files.Merged},
	{"same.conf", "x\n", "x\n", "", "x\n", files.Unchanged},
	{"kept.conf", "x\n", "x\n", "mine\n", "mine\n", files.Kept},
	{"already.conf", "x\n", "y\n", "y\n", "y\n", files.Unchanged},
	{"heredoc.conf", "cat <<EOF>> a\n1\n", "cat <<EOF>> a\n2\n", "", "cat <<EOF>> a\n2\n", files.Updated},
	{"binary", "a\x00b", "a\x00c", "", "a\x00c", files.Updated},
	{"new.conf", "", "n\n", "", "n\n", files.Added},
	{"new-there.conf", "", "n\n", "n\n", "n\n", files.Unchanged},
	{"gone.conf", "x\n", "", "", "", files.Removed},
	{"gone-edited.conf", "x\n", "", "mine\n", "", files.Removed},
	{"removed.conf", "x\n", "x\n", "-", "", ""},
	{plain, "x\n", "y\n", "mine\n", "y\n", files.Updated},
}

// plain is a file that the new package does not mark any more.
const plain = "plain.conf"

// packagedWorld is a host with the files above, once as %config and once as
// %config(noreplace), edited as they say.
func packagedWorld(t *testing.T, all []configFile) (*rpmtest.World, *layout.Bundle) {
	t.Helper()
	old, now := rpmtest.Package{Name: "app", Version: "1"}, rpmtest.Package{Name: "app", Version: "2"}
	for _, dir := range []string{"/etc/replace/", "/etc/noreplace/"} {
		for _, f := range all {
			for body, p := range map[*string]*rpmtest.Package{&f.base: &old, &f.theirs: &now} {
				if *body != "" {
					p.Files = append(p.Files, rpmtest.File{Path: dir + f.path, Body: *body, Mode: 0o640,
						Replace: dir == "/etc/replace/" && (p == &old || f.path != plain), Config: dir != "/etc/replace/" && (p == &old || f.path != plain)})
				}
			}
		}
	}
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{now})
	w.Install(t)
	for _, dir := range []string{"/etc/replace/", "/etc/noreplace/"} {
		for _, f := range all {
			switch f.mine {
			case "":
			case "-":
				if err := os.Remove(w.Root + dir + f.path); err != nil {
					t.Fatal(err)
				}
			default:
				w.Write(t, dir+f.path, f.mine)
			}
		}
	}
	return w, &layout.Bundle{Dir: w.Dir, Manifest: w.Manifest}
}

// bothSets are the two rooms that share the work on %config files.
func bothSets(t *testing.T, w *rpmtest.World, b *layout.Bundle) (*packages.Set, *files.Set) {
	t.Helper()
	p := packages.New(w.Manifest, w.Dir, w.Var, w.Root)
	f := files.New(w.Manifest, w.Dir, filepath.Join(w.Var, "backup"))
	f.Root = w.Root
	var err error
	if p.Had, err = p.Optional(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := hostcheck.AddPackaged(f, b, p); err != nil {
		t.Fatal(err)
	}
	return p, f
}

func saved(t *testing.T, p *packages.Set, f *files.Set) {
	t.Helper()
	if err := f.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.SaveState(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Record(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func converge(t *testing.T, p *packages.Set, f *files.Set, side manifest.Side) {
	t.Helper()
	if err := p.Converge(context.Background(), side, packages.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Converge(context.Background(), side); err != nil {
		t.Fatal(err)
	}
}

// etc is what lies below /etc: content, attributes, time.
func etc(t *testing.T, w *rpmtest.World) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(w.Root+"/etc", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if info.Mode()&fs.ModeSymlink != 0 {
			found[strings.TrimPrefix(path, w.Root)] = fmt.Sprintf("link to %q", data)
			return err
		}
		found[strings.TrimPrefix(path, w.Root)] = fmt.Sprintf("%s %d %q", info.Mode(), info.ModTime().UnixNano(), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestConfigOfPackages goes there and back with every kind of %config file; rpm
// is real, and so is what it leaves beside them.
func TestConfigOfPackages(t *testing.T) {
	t.Parallel()
	w, b := packagedWorld(t, configFiles)
	w.Write(t, "/etc/replace/edited.conf.rpmsave", "of an earlier update")
	w.Write(t, "/etc/noreplace/edited.conf.rpmnew", "of an earlier update")
	before := etc(t, w)
	p, f := bothSets(t, w, b)
	if found := f.Findings(t.Context()); len(found) != 4 || found[0].ID != "config-edited-file-goes" || found[3].ID != found[0].ID {
		t.Errorf("findings: %v", found) // gone-edited.conf and plain.conf, twice
	}
	saved(t, p, f)
	converge(t, p, f, manifest.New)
	changes, err := f.Changes()
	if err != nil {
		t.Fatal(err)
	}
	did := map[string]files.FileChange{}
	for _, c := range changes {
		did[c.Target] = c
	}
	for dir, mark := range map[string]string{"/etc/replace/": "%config of app", "/etc/noreplace/": "%config(noreplace) of app"} {
		for _, c := range configFiles {
			path := dir + c.path
			_, err := os.Lstat(w.Root + path)
			if got := w.Read(path); got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("%s is %q (%v), want %q", path, got, err, c.want)
			}
			if got := did[path]; got.Did != c.did && c.did != "" || c.did != "" && got.Package != mark {
				t.Errorf("%s: told is %+v, want %s", path, got, c.did)
			}
		}
	}
	for path, is := range etc(t, w) {
		earlier := before[path] == is
		if strings.Contains(path, ".rpm") && !earlier {
			t.Errorf("left behind, or changed: %s %s", path, is)
		}
	}
	converge(t, p, f, manifest.New) // does nothing
	converge(t, p, f, manifest.Old)
	after := etc(t, w)
	for path, is := range before {
		if after[path] != is {
			t.Errorf("%s is %s, was %s", path, after[path], is)
		}
	}
	for path := range after {
		if before[path] == "" {
			t.Errorf("%s is new", path)
		}
	}
}

// TestConfigInAFolderOfItsOwn: rpm was cut short after it had written the file and before it had noted the package.
func TestConfigInAFolderOfItsOwn(t *testing.T) {
	t.Parallel()
	const file = "/etc/brand/new/app.conf"
	w := rpmtest.New(t, []rpmtest.Package{{Name: "app", Version: "1"}},
		[]rpmtest.Package{{Name: "app", Version: "2", Files: []rpmtest.File{{Path: file, Body: "n\n", Config: true}}}})
	w.Install(t)
	p, f := bothSets(t, w, &layout.Bundle{Dir: w.Dir, Manifest: w.Manifest})
	saved(t, p, f)
	w.Write(t, file, "n\n")
	converge(t, p, f, manifest.Old)
	if err := p.RemoveFolders(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(w.Root + "/etc/brand"); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v; in it is %q", err, w.Read(file))
	}
}

// TestConfigConflict wants a file that both changed told before anything changes, and
// decided by the spec or the admin.
func TestConfigConflict(t *testing.T) {
	t.Parallel()
	conflict := configFile{path: "c.json", base: `{"a": 1}`, theirs: `{"a": 2}`, mine: `{"a": 3}`}
	binary := configFile{path: "c.bin", base: "a\x00", theirs: "b\x00", mine: "c\x00"}
	for name, c := range map[string]struct {
		file  configFile
		spec  map[string]manifest.Side
		admin []settings.Conflict
		want  string // "" for a refusal
	}{
		"nobody decided":        {file: conflict},
		"of what is no text":    {file: binary},
		"a missing file":        {file: configFile{path: "c.conf", base: "1\n", theirs: "2\n", mine: "-"}},
		"the spec keeps":        {file: conflict, spec: map[string]manifest.Side{"a": manifest.Old}, want: conflict.mine},
		"the spec takes":        {file: conflict, spec: map[string]manifest.Side{"*": manifest.New}, want: conflict.theirs},
		"the admin over both":   {file: conflict, spec: map[string]manifest.Side{"a": manifest.New}, admin: []settings.Conflict{{Key: "a", Side: manifest.Old}}, want: conflict.mine},
		"the admin on no text":  {file: binary, admin: []settings.Conflict{{Key: "*", Side: manifest.New}}, want: binary.theirs},
		"the admin brings back": {file: configFile{path: "c.conf", base: "1\n", theirs: "2\n", mine: "-"}, admin: []settings.Conflict{{Key: "*", Side: manifest.New}}, want: "2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b := packagedWorld(t, []configFile{c.file})
			target := "/etc/noreplace/" + c.file.path
			for _, dir := range []string{"/etc/noreplace/", "/etc/replace/"} {
				if c.spec != nil {
					w.Manifest.Config = append(w.Manifest.Config, manifest.Config{Target: dir + c.file.path, Format: "json", Package: "app", Policy: c.spec})
				}
				for _, a := range c.admin {
					a.To, a.Target = b.Manifest.To, dir+c.file.path
					b.Settings.Conflicts = append(b.Settings.Conflicts, a)
				}
			}
			before := etc(t, w)
			p, f := bothSets(t, w, b)
			found := f.Findings(t.Context())
			if c.want == "" {
				if len(found) != 2 || !strings.HasPrefix(found[0].ID, "config-") || !strings.Contains(found[0].Do, "conflict "+b.Manifest.To+" "+target) {
					t.Errorf("findings: %+v", found)
				}
				if err := f.Prepare(t.Context()); err == nil {
					t.Error("it would go on with a conflict")
				}
				if after := etc(t, w); fmt.Sprint(after) != fmt.Sprint(before) {
					t.Errorf("something changed: %v", after)
				}
				return
			}
			if len(found) > 0 {
				t.Fatalf("findings: %+v", found)
			}
			saved(t, p, f)
			converge(t, p, f, manifest.New)
			for _, dir := range []string{"/etc/noreplace/", "/etc/replace/"} {
				if got := w.Read(dir + c.file.path); got != c.want {
					t.Errorf("%s%s is %q, want %q", dir, c.file.path, got, c.want)
				}
			}
			converge(t, p, f, manifest.Old)
			if after := etc(t, w); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("after the way back: %v\nbefore: %v", after, before)
			}
		})
	}
}

// TestConfigOfHosts holds what a host may have done to a %config file besides
// its content, and packages that it lacks.
func TestConfigOfHosts(t *testing.T) {
	t.Parallel()
	w, b := packagedWorld(t, []configFile{
		{path: "linked.conf", base: "1\na\nb\nc\n", theirs: "2\na\nb\nc\n"},
		{path: "mode.conf", base: "1\n", theirs: "2\n"},
	})
	optional := rpmtest.New(t, []rpmtest.Package{{Name: "more", Version: "1", Optional: true, Files: []rpmtest.File{{Path: "/etc/more.conf", Body: "1", Config: true}}}},
		[]rpmtest.Package{{Name: "more", Version: "2", Optional: true, Files: []rpmtest.File{{Path: "/etc/more.conf", Body: "2", Config: true}}}})
	if err := os.CopyFS(w.Dir, os.DirFS(optional.Dir)); err != nil {
		t.Fatal(err)
	}
	w.Manifest.Old = append(w.Manifest.Old, optional.Manifest.Old...)
	w.Manifest.New = append(w.Manifest.New, optional.Manifest.New...)
	w.Manifest.Files = append(w.Manifest.Files, optional.Manifest.Files...)
	for _, dir := range []string{"/etc/replace/", "/etc/noreplace/"} {
		w.Write(t, "/data"+dir+"linked.conf", "1\na\nb\nmine\n")
		for _, err := range []error{
			os.Remove(w.Root + dir + "linked.conf"), os.Symlink("../../data"+dir+"linked.conf", w.Root+dir+"linked.conf"),
			os.Chmod(w.Root+dir+"mode.conf", 0o600),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	before := etc(t, w)
	p, f := bothSets(t, w, b)
	if found := f.Findings(t.Context()); len(found) > 0 {
		t.Fatalf("findings: %+v", found)
	}
	saved(t, p, f)
	converge(t, p, f, manifest.New)
	for _, dir := range []string{"/etc/replace/", "/etc/noreplace/"} {
		if to, err := os.Readlink(w.Root + dir + "linked.conf"); err != nil || w.Read(dir+"linked.conf") != "2\na\nb\nmine\n" {
			t.Errorf("%s: %q, %v, %q", dir, to, err, w.Read(dir+"linked.conf"))
		}
		if info, err := os.Stat(w.Root + dir + "mode.conf"); err != nil || info.Mode() != 0o600 || w.Read(dir+"mode.conf") != "2\n" {
			t.Errorf("%s: %v %v", dir, info.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(w.Root + "/etc/*/*.rpm*"); len(left) > 0 || w.Read("/etc/more.conf") != "" {
		t.Errorf("left behind: %v, or a package that the host lacks: %q", left, w.Read("/etc/more.conf"))
	}
	converge(t, p, f, manifest.Old)
	if after := etc(t, w); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after the way back: %v\nbefore: %v", after, before)
	}
}
