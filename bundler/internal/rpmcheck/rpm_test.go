package rpmcheck_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/rpmcheck"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// pkg is a package of a test, of version 1-1.
type pkg struct {
	name, compressor              string
	requires, provides, conflicts []relation
	obsoletes                     []relation
	files                         []rpmpack.RPMFile
	custom                        func(*rpmpack.RPM)
}

// relation is a dependency as a spec file writes it, and what its flags say besides.
type relation struct {
	text     string
	optional bool // missingok
	pretrans bool
}

func (p pkg) write(t *testing.T) []byte {
	t.Helper()
	meta := rpmpack.RPMMetaData{Name: p.name, Version: "1", Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: p.compressor}
	for _, list := range []struct {
		from []relation
		to   *rpmpack.Relations
	}{{p.requires, &meta.Requires}, {p.provides, &meta.Provides}, {p.conflicts, &meta.Conflicts}, {p.obsoletes, &meta.Obsoletes}} {
		for _, r := range list.from {
			d, err := rpmpack.NewRelation(r.text)
			if err != nil {
				t.Fatal(err)
			}
			if r.optional {
				d.Sense |= 1 << 19
			}
			if r.pretrans {
				d.Sense |= 1 << 7
			}
			*list.to = append(*list.to, d)
		}
	}
	r, err := rpmpack.NewRPM(meta)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range p.files {
		r.AddFile(f)
	}
	if p.custom != nil {
		p.custom(r)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (p pkg) header(t *testing.T) *rpmpkg.Package {
	t.Helper()
	h, err := rpmpkg.Read(bytes.NewReader(p.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func setOf(t *testing.T, packages ...pkg) rpmcheck.Set {
	t.Helper()
	var headers []*rpmpkg.Package
	for _, p := range packages {
		headers = append(headers, p.header(t))
	}
	return rpmcheck.NewSet(headers)
}

// askRPM has the rpm of this machine try to install packages on an empty one, and returns
// what it says against it. Its database in the folder stays empty; to make one takes longer than all the rest.
func askRPM(t *testing.T, dir string, packages ...pkg) string {
	t.Helper()
	args := []string{"--dbpath", filepath.Join(dir, "db"), "-U", "--test", "--nosignature",
		"--define", "_transaction_color 3", "--define", "_prefer_color 2"} // as on x86_64 of every platform
	for _, p := range packages {
		file := filepath.Join(dir, p.name+".rpm")
		if err := os.WriteFile(file, p.write(t), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	cmd := exec.CommandContext(context.Background(), "rpm", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	if len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

// said returns what a pattern's first group matches in rpm's lines.
func said(out string, pattern *regexp.Regexp) map[string]bool {
	all := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(out, -1) {
		all[m[1]] = true
	}
	return all
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// version is a random one out of few, so that most pairs are close to each other.
func version(r *rand.Rand) string {
	return pick(r, "", "", "0:", "1:") + pick(r, "1", "1.0", "1.0.1", "1.0~rc1", "1.0^git2", "2") + pick(r, "", "", "-1", "-2", "-2.el7")
}

func operator(r *rand.Rand) string { return pick(r, " < ", " <= ", " = ", " >= ", " > ") }

// Of every pair of a provided and a required version, and of what is asked for in other ways, rpm says
// what the set says.
func TestSetByRPM(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(15, 1))
	provider, user, foe := pkg{name: "provider"}, pkg{name: "user"}, pkg{name: "foe"}
	for i := range 1500 {
		name := fmt.Sprintf("n%d", i)
		some := func() relation {
			if r.IntN(10) == 0 {
				return relation{text: name}
			}
			return relation{text: name + operator(r) + version(r)}
		}
		if i%10 == 0 {
			name = "/opt/" + name
			provider.files = append(provider.files, rpmpack.RPMFile{Name: name, Mode: 0o100644, Owner: "root", Group: "root", Type: pick(r, rpmpack.GenericFile, rpmpack.GhostFile)})
		}
		if r.IntN(10) > 0 {
			provider.provides = append(provider.provides, some())
		}
		if asked := some(); i%3 == 0 {
			foe.conflicts = append(foe.conflicts, asked)
		} else {
			asked.optional, asked.pretrans = r.IntN(10) == 0, r.IntN(10) == 0
			user.requires = append(user.requires, asked)
		}
	}
	foe.provides, foe.conflicts = append(foe.provides, relation{text: "own"}), append(foe.conflicts, relation{text: "own"})
	set := setOf(t, provider, user, foe)
	missing, against := map[string]bool{}, map[string]bool{}
	for _, d := range user.header(t).Requires() {
		if !d.IsRpmlib() && !rpmcheck.MayBeMissing(d) && (rpmcheck.BeforeTransaction(d) || !set.Has(d)) {
			missing[d.Name] = true
		}
	}
	for _, x := range set.Exclusions() {
		if x.Package.Name != "foe" || x.Other.Name != "provider" || x.Verb != "conflicts with" {
			t.Errorf("%s %s %s", x.Package.Name, x.Verb, x.Other.Name)
		}
		against[x.Dep.Name] = true
	}
	out := askRPM(t, t.TempDir(), provider, user, foe)
	for _, tt := range []struct {
		what      string
		got, want map[string]bool
	}{
		{"missing", missing, said(out, regexp.MustCompile(`(?m)^\s*(\S+).* is needed by user`))},
		{"in conflict", against, said(out, regexp.MustCompile(`(?m)^\s*(\S+).* conflicts with foe`))},
	} {
		if len(tt.want) < 50 {
			t.Errorf("rpm calls only %d %s:\n%s", len(tt.want), tt.what, out)
		}
		compare(t, tt.what, tt.got, tt.want)
	}
}

func compare(t *testing.T, what string, got, want map[string]bool) {
	t.Helper()
	for name := range got {
		if !want[name] {
			t.Errorf("%s is %s, and not for rpm", name, what)
		}
	}
	for name := range want {
		if !got[name] {
			t.Errorf("%s is %s for rpm alone", name, what)
		}
	}
}

// Of every pair of files at one path rpm says what the set says.
func TestClashesByRPM(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(15, 2))
	a, b := pkg{name: "a"}, pkg{name: "b"}
	for i := range 1500 {
		one := rpmpack.RPMFile{Name: fmt.Sprintf("/opt/t/%04d", i), Mode: 0o100644, Body: []byte("x"), Owner: "root", Group: "root"}
		kinds := []uint{0o100000, 0o100000, 0o040000, 0o120000, 0o010000, 0o020000, 0o060000, 0o140000, 0o110000}
		one.Mode = pick(r, kinds...) | pick[uint](r, 0o644, 0o755, 0o4755)
		two := one
		for r.IntN(3) > 0 { // what differs, mostly nothing or one thing
			switch r.IntN(8) {
			case 0:
				two.Mode ^= pick[uint](r, 0o11, 0o1000)
			case 1:
				two.Owner = "daemon"
			case 2:
				two.Group = "daemon"
			case 3:
				two.Body = pick(r, []byte("y"), []byte("xx"))
			case 4:
				two.Type = pick(r, rpmpack.GhostFile, rpmpack.ConfigFile, rpmpack.MissingOkFile, rpmpack.DocFile)
			case 5:
				one.Type = rpmpack.GhostFile
			case 6:
				two.Mode = two.Mode&0o7777 | pick(r, kinds...)
			}
		}
		a.files, b.files = append(a.files, one), append(b.files, two)
	}
	for _, p := range []*pkg{&a, &b} { // rpmpack itself knows no other files than those of a payload
		modes, devices, colours := make([]uint16, len(p.files)), make([]int16, len(p.files)), make([]int32, len(p.files))
		for i, f := range p.files {
			modes[i], devices[i], colours[i] = uint16(f.Mode), int16(r.IntN(2)), pick[int32](r, 0, 0, 1, 2, 3)
		}
		p.custom = func(made *rpmpack.RPM) {
			made.AddCustomTag(int(rpmfile.TagFileModes), rpmpack.EntryUint16(modes))
			made.AddCustomTag(int(rpmfile.TagFileRdevs), rpmpack.EntryInt16(devices))
			made.AddCustomTag(1140, rpmpack.EntryInt32(colours)) // RPMTAG_FILECOLORS
		}
	}
	got := map[string]bool{}
	for _, c := range setOf(t, a, b).Clashes() {
		got[c.Path] = true
	}
	want := said(askRPM(t, t.TempDir(), a, b), regexp.MustCompile(`file (\S+) conflicts between attempted installs of a-1-1.noarch and b-1-1.noarch`))
	if len(want) < 100 || len(want) > 1400 {
		t.Errorf("%d clashes for rpm", len(want))
	}
	compare(t, "a clash", got, want)
}

// Two paths that lead to one place are one, whether a package brings the link or every host has it.
func TestClashesThroughLinksByRPM(t *testing.T) {
	t.Parallel()
	file := func(name, body string) rpmpack.RPMFile {
		return rpmpack.RPMFile{Name: name, Body: []byte(body), Mode: 0o100644, Owner: "root", Group: "root"}
	}
	link := func(name, to string) rpmpack.RPMFile {
		return rpmpack.RPMFile{Name: name, Body: []byte(to), Mode: 0o120777, Owner: "root", Group: "root"}
	}
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		a, b []rpmpack.RPMFile
		want bool
	}{
		"every host's":                {[]rpmpack.RPMFile{file("/usr/bin/of-a-test", "x")}, []rpmpack.RPMFile{file("/bin/of-a-test", "y")}, true},
		"every host's, the same file": {[]rpmpack.RPMFile{file("/usr/bin/of-a-test", "x")}, []rpmpack.RPMFile{file("/bin/of-a-test", "x")}, false},
		"relative":                    {[]rpmpack.RPMFile{link("/opt/of-a-test/l", "to/there"), file("/opt/of-a-test/to/there/f", "x")}, []rpmpack.RPMFile{file("/opt/of-a-test/l/f", "y")}, true},
		"absolute, deep":              {[]rpmpack.RPMFile{link("/opt/of-a-test/l", "/srv/of-a-test"), file("/srv/of-a-test/d/f", "x")}, []rpmpack.RPMFile{file("/opt/of-a-test/l/d/f", "y")}, true},
		"through two": {[]rpmpack.RPMFile{link("/opt/of-a-test/l", "m"), file("/opt/of-a-test/d/f", "x")},
			[]rpmpack.RPMFile{link("/opt/of-a-test/m", "../of-a-test/d"), file("/opt/of-a-test/l/f", "y")}, true},
		"elsewhere":   {[]rpmpack.RPMFile{link("/opt/of-a-test/l", "there"), file("/opt/of-a-test/f", "x")}, []rpmpack.RPMFile{file("/opt/of-a-test/l/f", "y")}, false},
		"in a circle": {[]rpmpack.RPMFile{link("/opt/of-a-test/l", "m"), link("/opt/of-a-test/m", "l")}, []rpmpack.RPMFile{file("/opt/of-a-test/l/f", "y")}, false},
	} {
		a, b := pkg{name: "a", files: tt.a}, pkg{name: "b", files: tt.b}
		clashes, out := setOf(t, a, b).Clashes(), askRPM(t, dir, a, b)
		if (len(clashes) > 0) != tt.want || (out != "") != tt.want {
			t.Errorf("%s: got %+v, rpm says %q, want %v", name, clashes, out, tt.want)
		}
	}
}

// What a package may ask of rpm itself is known as the rpm of this machine has it.
func TestFeaturesByRPM(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(context.Background(), "rpm", "--showrc").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*(rpmlib\(\w+\)) = (\S+)$`).FindAllStringSubmatch(string(out), -1)
	if len(found) < 15 {
		t.Fatalf("rpm has only %q", found)
	}
	p := pkg{name: "p"}
	for _, f := range found {
		p.requires = append(p.requires, relation{text: f[1] + " = " + f[2]})
	}
	if got := rpmcheck.Unreadable(p.header(t), "el10.x86_64"); got != nil {
		t.Errorf("the newest platform lacks %q", got)
	}
}

func TestObsoletes(t *testing.T) {
	t.Parallel()
	one := pkg{name: "one", obsoletes: []relation{{text: "two < 2"}, {text: "two > 1"}, {text: "api"}, {text: "one"}}}
	two := pkg{name: "two", provides: []relation{{text: "api"}}}
	var got []string
	for _, x := range setOf(t, one, two).Exclusions() {
		got = append(got, strings.Join([]string{x.Package.Name, x.Verb, x.Other.Name, x.Dep.String()}, " "))
	}
	if want := []string{"one obsoletes two two < 2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
