package scaffold

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
)

// What rpmbuild makes for debuggers is known by its name and its files.
func TestDebugInfo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		is   bool
	}{
		"app": {"/opt/app/f", false}, "app-debuginfo": {"/usr/lib/debug/opt/app/f.debug", true}, "app-debugsource": {"/usr/src/debug/app/f.c", true},
		"app-debuginfo-common-x86_64": {"/usr/lib/debug/x", true}, "other-debuginfo": {"/opt/app/symbols", false}, "app-debug": {"/usr/lib/debug/app", false},
	} {
		h, err := rpmpkg.Read(bytes.NewReader(sample{name: name, evr: "1-1", files: map[string]string{c.file: "x"}}.rpm(t)))
		if err != nil {
			t.Fatal(err)
		}
		if isDebugInfo(h) != c.is {
			t.Errorf("%s with %s is for debuggers: %v", name, c.file, !c.is)
		}
	}
}

// What is no folder of RPMs of one release is refused with the reason.
func TestListAndRead(t *testing.T) {
	t.Parallel()
	if _, _, err := List(filepath.Join(t.TempDir(), "nowhere")); exit.Code(err) != exit.Missing {
		t.Errorf("no folder: %v", err)
	}
	dir := t.TempDir()
	writeFile(t, dir, "notes.txt", "x")
	if _, _, err := List(dir); exit.Code(err) != exit.Missing || !strings.Contains(err.Error(), "there is no RPM in") {
		t.Errorf("no RPM: %v", err)
	}
	good := sample{name: "a", evr: "1-1"}.rpm(t)
	writeFile(t, dir, "one.rpm", string(good))
	writeFile(t, dir, "two.rpm", string(sample{name: "a", evr: "2-1"}.rpm(t)))
	files, total, err := List(dir)
	if err != nil || len(files) != 2 || total < int64(len(good)) {
		t.Fatalf("%v, %d, %v", files, total, err)
	}
	none := func(int64) {}
	if _, _, err := Read(context.Background(), nil, files, none); exit.Code(err) != exit.Usage || err.Error() != "one.rpm and two.rpm are both a; a release has a package once" {
		t.Errorf("twice: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Read(ctx, nil, files, none); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	reserved := bytes.Clone(good)
	reserved[96+4] = 1 // in the signature header, where no digest covers it
	for name, data := range map[string]string{"text": "no package", "cut": string(good[:len(good)/2]), "empty": "", "reserved": string(reserved)} {
		writeFile(t, dir, name+".rpm", data)
		if _, _, err := Read(context.Background(), nil, []string{filepath.Join(dir, name+".rpm")}, none); exit.Code(err) != exit.Mismatch || !strings.Contains(err.Error(), name+".rpm") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Read(context.Background(), nil, []string{filepath.Join(dir, "nowhere.rpm")}, none); exit.Code(err) != exit.Missing {
		t.Errorf("a file that is gone: %v", err)
	}
	got, _, err := Read(context.Background(), nil, files[:1], none)
	sum := sha256.Sum256(good)
	if err != nil || got[0].SHA256 != hex.EncodeToString(sum[:]) || got[0].Size != int64(len(good)) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What rpmbuild leaves beside the packages of a product is no part of a release, whatever the
// files are called; a release that names one has it.
func TestReadLeavesOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := sample{name: "a", evr: "1-1"}.rpm(t)
	source[7] = 1 // the lead's type: a source package
	writeFile(t, dir, "a.rpm", string(source))
	none := func(int64) {}
	read := func(known *release.Release) (names, left []string, err error) {
		files, _, err := List(dir)
		if err != nil {
			t.Fatal(err)
		}
		packages, left, err := Read(context.Background(), known, files, none)
		for _, p := range packages {
			names = append(names, p.File)
		}
		return names, left, err
	}
	if _, _, err := read(nil); exit.Code(err) != exit.Missing || !strings.Contains(err.Error(), "a.rpm: a source package") {
		t.Errorf("source packages alone: %v", err)
	}
	for _, name := range []string{"a", "a-debuginfo", "a-debugsource", "a-debuginfo-common-x86_64", "a-debuginfod", "debuginfo"} {
		writeFile(t, dir, "of "+name+".rpm", string(sample{name: name, evr: "1-1"}.rpm(t)))
	}
	names, left, err := read(nil)
	if want := []string{"of a.rpm", "of a-debuginfod.rpm", "of debuginfo.rpm"}; err != nil || !slices.Equal(names, want) || len(left) != 4 {
		t.Errorf("%v, %v, %v", names, left, err)
	}
	names, left, err = read(&release.Release{Components: []release.Component{{Name: "a-debuginfo"}}})
	if err != nil || !slices.Contains(names, "of a-debuginfo.rpm") || len(left) != 3 {
		t.Errorf("named by the release: %v, %v, %v", names, left, err)
	}
	for _, name := range []string{"a.RPM", "a\nb.rpm", "a\xff.rpm", " a.rpm"} {
		writeFile(t, dir, name, "x")
		if _, _, err := List(dir); exit.Code(err) != exit.Usage || exit.Hint(err) == "" {
			t.Errorf("%q: %v", name, err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that is not named as its package says is found by its own name.
func TestReleaseFileNamesFiles(t *testing.T) {
	t.Parallel()
	dir, packages := folder(t, []sample{{name: "a", evr: "1-1"}, {name: "b", evr: "1-1"}})
	packages[0].File, packages[1].File = packages[0].Header.FileName(), "b: 1 all.rpm"
	for source, want := range map[string][]string{
		"rpms/2.0":     {`    source: "rpms/2.0/b: 1 all.rpm" # its`},
		"rpms/2.0.rpm": {"    source: rpms/2.0.rpm/" + packages[0].File + " # its", `    source: "rpms/2.0.rpm/b: 1 all.rpm" # its`},
	} {
		in := Input{Catalog: &release.Catalog{Root: dir}, From: Side{Version: "1.0", Packages: packages}, To: Side{Version: "2.0", Packages: packages, Source: source}}
		got := in.releaseFile(in.To)
		if strings.Count(got, "    source: ") != len(want) {
			t.Errorf("%s:\n%s", source, got)
		}
		for _, line := range want {
			if !strings.Contains(got, line) {
				t.Errorf("%q is not in\n%s", line, got)
			}
		}
	}
}

// Values are written so that YAML reads back what was meant.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"4.2.0": "4.2.0", "1.0": `"1.0"`, "10": `"10"`, "1e3": `"1e3"`, "el7": "el7", "/opt/a": "/opt/a",
		"true": `"true"`, "No": `"No"`, "y": `"y"`, "null": `"null"`, "": `""`, "a b": `"a b"`, "a:b": `"a:b"`, "*": `"*"`, "-a": `"-a"`, "a#b": `"a#b"`, "2020-01-01": `"2020-01-01"`,
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"a\nb": "a b", "  a  b ": "a b", "a\x00b": "a b", "a\xffb": "a b", "ä": "ä", "": ""} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Platforms and dates are what the packages say, or to be decided.
func TestReleaseFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		packages []sample
		want     []string
	}{
		{[]sample{{name: "a", evr: "1-1.el8", arch: "x86_64", built: 1577836800}, {name: "b", evr: "1-1", built: 1609459200}}, []string{`date: "2021-01-01"`, "platforms: [el8.x86_64] # as its packages are named"}},
		{[]sample{{name: "a", evr: "1-1.el8"}}, []string{"platforms: [\"DECIDE: what it runs on"}},
		{[]sample{{name: "a", evr: "1-1", arch: "aarch64"}}, []string{"platforms: [\"DECIDE: what it runs on"}},
		{[]sample{{name: "a", evr: "1-1.el9_4", arch: "aarch64"}}, []string{"platforms: [el9.aarch64]"}},
	} {
		_, packages := folder(t, tt.packages)
		in := Input{Catalog: &release.Catalog{Root: t.TempDir()}, From: Side{Version: "1.0", Packages: packages}, To: Side{Version: "2.0", Packages: packages}}
		got := in.releaseFile(in.To)
		for _, line := range tt.want {
			if !strings.Contains(got, line) {
				t.Errorf("%q is not in\n%s", line, got)
			}
		}
	}
	in := Input{Catalog: &release.Catalog{Root: t.TempDir()}}
	if got := in.releaseFile(Side{Version: "2.0"}); !strings.Contains(got, "date: \"DECIDE: the day of the release as YYYY-MM-DD") {
		t.Errorf("without a date:\n%s", got)
	}
	for _, key := range []string{"", "ABCD"} {
		in.From = Side{Version: "1.0", Release: &release.Release{Key: key, Platforms: []string{"el7.x86_64"}}}
		got := in.releaseFile(Side{Version: "2.0"})
		if strings.Contains(got, "key:") != (key != "") || !strings.Contains(got, "platforms: [el7.x86_64] # as 1.0\n") {
			t.Errorf("key %q:\n%s", key, got)
		}
	}
}

// A section of the jump before comes with the comments above it, and without what follows.
func TestSection(t *testing.T) {
	t.Parallel()
	p := before{spec: &release.Spec{From: "1.0", To: "1.1"}, to: "1.2", text: "# head\nfrom: 1.0\n\n# about state\n# more\nstate:\n  - /a # since 1.1\n  - /b-1.1\n\n# about limits\nlimits: { window: 1.1s }"}
	for key, want := range map[string]string{
		"state":    "# about state\n# more\nstate:\n  - /a # since 1.1\n  - /b-1.1\n",
		"limits":   "# about limits\nlimits: { window: 1.1s }\n",
		"services": "",
		"from":     "# head\nfrom: 1.1\n",
	} {
		if got := p.section(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if got := (before{}).section("state"); got != "" {
		t.Errorf("without a jump before: %q", got)
	}
	for line, want := range map[string]string{
		"version: 1.1 # 1.1\n": "version: 1.2 # 1.1\n", "# 1.1\n": "# 1.1\n", "a: [1.0, 1.1]\n": "a: [1.1, 1.2]\n", "a: 1.1.5\n": "a: 1.1.5\n", "a: x1.1\n": "a: x1.1\n",
	} {
		if got := p.moved(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// A scriptlet is shown as comments, whatever is in it, and not all of a long one.
func TestShown(t *testing.T) {
	t.Parallel()
	long := scriptlet{body: strings.Repeat("line\n", 40) + strings.Repeat("x", 300)}
	got := long.shown("  ")
	if n := strings.Count(got, "\n"); n != maxBodyLines+1 || !strings.HasSuffix(got, "  #   | ... and 16 lines more\n") {
		t.Errorf("%d lines:\n%s", n, got)
	}
	wide := scriptlet{body: strings.Repeat("ä", 300)}
	if got := wide.shown(""); got != "#   | "+strings.Repeat("ä", maxBodyWide)+" ...\n" {
		t.Errorf("got %q", got)
	}
	odd := scriptlet{body: "a\x1b[31m\tb\xff\n\n\n"}
	if got := odd.shown(""); got != "#   | a?[31m b?\n" {
		t.Errorf("got %q", got)
	}
}

// What a killed run left is only taken away where the record names it: a record that leads
// elsewhere, or that is no record, stops the next run and nothing is removed.
func TestRecoverRefusesAStrangeRecord(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ record, want string }{
		"outside": {`{"targets":[{"path":"../outside","tree":""}]}`, `the record names "../outside"`},
		"rooted":  {`{"targets":[{"path":"/etc/passwd","tree":""}]}`, `the record names "/etc/passwd"`},
		"no JSON": {`{"targets":`, "unexpected end of JSON input"},
	} {
		root := t.TempDir()
		writeFile(t, root, stageName+"/record.json", tt.record)
		writeFile(t, root, "versions/mine.yaml", "x")
		err := Recover(root)
		if exit.Code(err) != exit.Output || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(root, "versions/mine.yaml")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without a record nothing was put in place yet: the stage goes, and only it.
	root := t.TempDir()
	writeFile(t, root, stageName+"/files/versions/2.0.yaml", "x")
	writeFile(t, root, "versions/mine.yaml", "x")
	if err := Recover(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, stageName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stage is still there: %v", err)
	}
	if err := Recover(root); err != nil { // and with nothing to do it does nothing
		t.Error(err)
	}
}

// Two runs do not work in one project at the same time.
func TestOneRunAtATime(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	unlock, err := enter(root, filepath.Join(root, stageName))
	if err != nil {
		t.Fatal(err)
	}
	files := []File{{Path: "versions/2.0.yaml", Data: []byte("x")}}
	if err := Place(root, files, nil); exit.Code(err) != exit.Output || !strings.Contains(err.Error(), "another bundler new or init is at work here") {
		t.Errorf("got %v", err)
	}
	unlock()
	if err := Place(root, files, nil); err != nil {
		t.Error(err)
	}
}

// A digest of a tree changes with every name and every content, and with a link.
func TestTreeOf(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	add := func(name, dir string) {
		sum, err := treeOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[sum]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[sum] = name
	}
	for i, files := range []map[string]string{{}, {"a": "x"}, {"a": "y"}, {"b": "x"}, {"a": "x", "b": ""}, {"d/a": "x"}} {
		dir := t.TempDir()
		for name, text := range files {
			writeFile(t, dir, name, text)
		}
		add(fmt.Sprint(i), dir)
	}
	dir := t.TempDir()
	if err := os.Symlink("x", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	add("link", dir)
	if _, err := treeOf(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
