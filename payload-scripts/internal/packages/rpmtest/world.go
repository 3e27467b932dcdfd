// Package rpmtest makes worlds for tests: a root with a shell and a real rpm
// database in it, and an unpacked bundle of real RPMs for it.
package rpmtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// File is a file of a Package.
type File struct {
	Path     string
	Body     string
	Mode     uint // permission bits, 0644 when 0
	Link     string
	Dir      bool
	Config   bool // %config(noreplace)
	Replace  bool // %config
	Ghost    bool
	Doc      bool   // %doc
	HardLink bool   // another name of the file before it that is no hard link itself
	Owner    string // "root" when ""
}

// Package is an RPM to build. Its release is 1 when "".
type Package struct {
	Name, Version, Release   string
	Optional                 bool
	Early, Late              bool // comes in prepare; goes after the commit
	Files                    []File
	Pre, Post, PreUn, PostUn string
	PostTrans                string
	Requires, Obsoletes      []string
	Prefixes                 []string // where it may be relocated from
	Compressor               string   // of the payload, "gzip:1" when ""
}

// World is a host with a bundle.
type World struct {
	Root     string // of the host
	Dir      string // the bundle
	Var      string // of the attempt
	Manifest *manifest.Manifest
}

// New builds both releases' RPMs, the undo package and the bundle, and an empty root.
func New(t testing.TB, old, new []Package) *World {
	t.Helper()
	w := &World{Root: t.TempDir(), Dir: t.TempDir(), Var: t.TempDir()}
	w.Manifest = &manifest.Manifest{Format: manifest.Format, Product: "Test", Prefix: "test-upgrade", From: "1", To: "2", Revision: 1}
	w.shell(t)
	w.build(t, old, new)
	return w
}

// shell copies a static enough shell and the folders that scriptlets need into the root.
func (w *World) shell(t testing.TB) {
	t.Helper()
	for _, dir := range []string{"bin", "dev", "etc", "tmp", "proc", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(w.Root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"cat", "chmod", "mkdir", "rm", "sleep", "touch"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		w.copyProgram(t, path, "/bin/"+program)
	}
	w.copyProgram(t, shell, "/bin/sh")
	w.Write(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\ncfyuser:x:991:991::/:/bin/sh\n")
	w.Write(t, "/etc/group", "root:x:0:\ncfyuser:x:991:\n")
	w.Write(t, "/dev/null", "")
}

func (w *World) copyProgram(t testing.TB, from, to string) {
	t.Helper()
	copyFile(t, from, filepath.Join(w.Root, to))
	out, err := exec.Command("ldd", from).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(out)) {
		if strings.HasPrefix(word, "/") {
			copyFile(t, word, filepath.Join(w.Root, word))
		}
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if _, err := os.Stat(to); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *World) build(t testing.TB, old, new []Package) {
	t.Helper()
	inOld, inNew := map[string]string{}, map[string]string{}
	for _, p := range old {
		inOld[p.Name] = digest(Build(t, p))
	}
	for _, p := range new {
		inNew[p.Name] = digest(Build(t, p))
	}
	for _, p := range old {
		w.Manifest.Old = append(w.Manifest.Old, w.add(t, p, "rollback", inOld[p.Name] == inNew[p.Name]))
	}
	undo, drop := Package{Name: "test-upgrade-undo-2", Version: "1"}, Package{Name: "test-upgrade-drop-2", Version: "1"}
	obsoleted := map[string]bool{}
	for _, p := range new {
		w.Manifest.New = append(w.Manifest.New, w.add(t, p, "packages", inOld[p.Name] == inNew[p.Name]))
		if inOld[p.Name] == "" && !p.Early {
			undo.Obsoletes = append(undo.Obsoletes, p.Name)
		}
		for _, o := range p.Obsoletes {
			obsoleted[strings.Fields(o)[0]] = true
		}
	}
	for _, p := range old {
		if inNew[p.Name] == "" && !obsoleted[p.Name] && !p.Late {
			drop.Obsoletes = append(drop.Obsoletes, p.Name)
		}
	}
	if undo.Obsoletes != nil {
		w.Manifest.Undo = w.add(t, undo, "rollback", false).File
	}
	if drop.Obsoletes != nil {
		w.Manifest.Drop = w.add(t, drop, "packages", false).File
	}
	byName := func(set []manifest.Package) func(i, j int) bool {
		return func(i, j int) bool { return set[i].Name < set[j].Name }
	}
	sort.Slice(w.Manifest.Old, byName(w.Manifest.Old))
	sort.Slice(w.Manifest.New, byName(w.Manifest.New))
	files := w.Manifest.Files
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
}

// add writes a package into the bundle; an unchanged one beside it, for Install.
func (w *World) add(t testing.TB, p Package, folder string, unchanged bool) manifest.Package {
	t.Helper()
	data := Build(t, p)
	name := p.Name + "-" + p.Version + "-" + p.release() + ".noarch.rpm"
	m := manifest.Package{
		ID: nevra.ID{Name: p.Name, Version: p.Version, Release: p.release(), Arch: "noarch"}, Optional: p.Optional,
		SHA256: digest(data), Size: int64(len(data)), Early: p.Early, Late: p.Late,
	}
	for _, f := range p.Files {
		m.Installed += int64(len(f.Body))
	}
	path := filepath.Join(w.Dir, "..", filepath.Base(w.Dir)+"-unchanged", name)
	if !unchanged {
		m.File = folder + "/" + name
		path = filepath.Join(w.Dir, m.File)
		w.Manifest.Files = append(w.Manifest.Files, manifest.File{Path: m.File, Size: m.Size, SHA256: m.SHA256, Mode: 0o644})
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return m
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (p Package) release() string {
	if p.Release == "" {
		return "1"
	}
	return p.Release
}

// Build makes the RPM's bytes.
func Build(t testing.TB, p Package) []byte {
	t.Helper()
	relations := func(list []string) (all rpmpack.Relations) {
		for _, s := range list {
			r, err := rpmpack.NewRelation(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		return all
	}
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: p.Name, Version: p.Version, Release: p.release(), Arch: "noarch", Epoch: rpmpack.NoEpoch,
		Summary: "test", Licence: "test", Compressor: cmp.Or(p.Compressor, "gzip:1"),
		Requires: relations(p.Requires), Obsoletes: relations(p.Obsoletes),
		Prefixes: p.Prefixes,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.Files {
		r.AddFile(f.rpm())
	}
	for add, body := range map[*string]func(string){&p.Pre: r.AddPrein, &p.Post: r.AddPostin, &p.PreUn: r.AddPreun, &p.PostUn: r.AddPostun, &p.PostTrans: r.AddPosttrans} {
		if *add != "" {
			body(*add)
		}
	}
	if len(p.Files) > 0 {
		r.AddCustomTag(tagFileInodes, rpmpack.EntryInt32(inodes(p.Files)))
	}
	var buf strings.Builder
	if err := r.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return []byte(buf.String())
}

// tagFileInodes is RPMTAG_FILEINODES.
const tagFileInodes = 1096

// inodes returns the numbers of the files, in the order of their paths: the same for
// hard links, as rpmbuild writes them.
func inodes(files []File) []int32 {
	numbers, last := map[string]int32{}, int32(0)
	for i, f := range files {
		if !f.HardLink {
			last = int32(i + 1)
		}
		numbers[f.Path] = last
	}
	paths := make([]string, 0, len(numbers))
	for path := range numbers {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	sorted := make([]int32, len(paths))
	for i, path := range paths {
		sorted[i] = numbers[path]
	}
	return sorted
}

func (f File) rpm() rpmpack.RPMFile {
	mode := f.Mode
	if mode == 0 {
		mode = 0o644
	}
	out := rpmpack.RPMFile{Name: f.Path, Body: []byte(f.Body), Mode: 0o100000 | mode, Owner: "root", Group: "root", MTime: 1500000000}
	if f.Owner != "" {
		out.Owner, out.Group = f.Owner, f.Owner
	}
	switch {
	case f.Link != "":
		out.Mode, out.Body = 0o120777, []byte(f.Link)
	case f.Dir:
		out.Mode, out.Body = 0o40755, nil
	case f.Config:
		out.Type = rpmpack.ConfigFile | rpmpack.NoReplaceFile
	case f.Replace:
		out.Type = rpmpack.ConfigFile
	case f.Doc:
		out.Type = rpmpack.DocFile
	case f.Ghost:
		out.Type = rpmpack.GhostFile
	}
	return out
}

// Install installs the whole old set as a customer's host has it, without the
// optional packages that are named.
func (w *World) Install(t testing.TB, without ...string) {
	t.Helper()
	args := []string{"-U", "--nodeps"}
	for _, p := range w.Manifest.Old {
		if contains(without, p.Name) {
			continue
		}
		path := filepath.Join(w.Dir, p.File)
		if p.File == "" {
			path = filepath.Join(w.Dir+"-unchanged", p.NVR()+".noarch.rpm")
		}
		args = append(args, path)
	}
	w.RPM(t, args...)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// RPM runs rpm on the root and returns what it said.
func (w *World) RPM(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("rpm", append([]string{"--root", w.Root}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("rpm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Set returns what rpm -qa tells, sorted.
func (w *World) Set(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("rpm", "--root", w.Root, "-qa").Output()
	if err != nil {
		t.Fatal(err)
	}
	set := strings.Fields(string(out))
	sort.Strings(set)
	return set
}

// Write writes a file of the host.
func (w *World) Write(t testing.TB, path, body string) {
	t.Helper()
	at := filepath.Join(w.Root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read returns a file of the host, "" when there is none.
func (w *World) Read(path string) string {
	data, err := os.ReadFile(filepath.Join(w.Root, path))
	if err != nil {
		return ""
	}
	return string(data)
}
