package rpmfile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/rpmfile"
)

const triggerSpec = `
%global _build_id_links none
Name: triggers
Version: 1
Release: 1
Summary: Every kind of trigger that rpmbuild writes
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
%description
Triggers.
%triggerprein -- base
echo prein
%triggerin -- base < 2, other >= 1:3-4
echo in
%triggerun -p <lua> -- base = 1
print("un")
%triggerpostun -- base
echo postun
%filetriggerin -- /usr/lib /opt
echo filein
%filetriggerun -p <lua> -- /usr/lib
print("fileun")
%filetriggerpostun -- /usr/lib
echo filepostun
%transfiletriggerin -P 900000 -- /etc
echo transin
%transfiletriggerun -- /etc
echo transun
%transfiletriggerpostun -- /etc
echo transpostun
%files
`

// rpmbuilt builds a spec without an %install section and returns the package.
func rpmbuilt(t testing.TB, text string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.spec"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("rpmbuild", "-bb", "--define", "_topdir "+dir, "--define", "_rpmdir "+dir, filepath.Join(dir, "x.spec"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "noarch", "*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("rpmbuild made %v, %v", found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	h, err := rpmfile.Read(bytes.NewReader(rpmbuilt(t, triggerSpec)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tr := range h.Triggers() {
		got = append(got, fmt.Sprintf("%s %s on %v by %v", tr.Kind, bytes.TrimSpace([]byte(tr.Body)), tr.Targets, tr.Interpreter))
	}
	want := []string{
		"triggerprein echo prein on [base] by [/bin/sh]",
		"triggerin echo in on [base < 2 other >= 1:3-4] by [/bin/sh]",
		`triggerun print("un") on [base = 1] by [<lua>]`,
		"triggerpostun echo postun on [base] by [/bin/sh]",
		"filetriggerin echo filein on [/opt /usr/lib] by [/bin/sh]",
		`filetriggerun print("fileun") on [/usr/lib] by [<lua>]`,
		"filetriggerpostun echo filepostun on [/usr/lib] by [/bin/sh]",
		"transfiletriggerin echo transin on [/etc] by [/bin/sh]",
		"transfiletriggerun echo transun on [/etc] by [/bin/sh]",
		"transfiletriggerpostun echo transpostun on [/etc] by [/bin/sh]",
	}
	// The order is rpmbuild's: of file triggers and their paths, not that of the spec file.
	slices.Sort(got)
	slices.Sort(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if !h.HasTriggers() {
		t.Error("HasTriggers says that there are none")
	}
	plain, err := rpmfile.Read(bytes.NewReader(packed(t)))
	if err != nil {
		t.Fatal(err)
	}
	if plain.HasTriggers() || plain.Triggers() != nil {
		t.Errorf("a package without triggers has %v", plain.Triggers())
	}
}

// A trigger whose lists do not fit together is refused when the package is read, so
// that Triggers cannot fail.
func TestTriggersThatDoNotFit(t *testing.T) {
	t.Parallel()
	good := rpmbuilt(t, "Name: a\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n%triggerin -- base\necho\n%files\n")
	h, err := rpmfile.Read(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		tag      rpmfile.Tag
		at       int // byte of the index entry that is changed
		to       byte
		wantRead bool
	}{
		{"names of another length than flags", rpmfile.TagTriggerFlags, 15, 2, false},
		{"the index is text", rpmfile.TagTriggerIndex, 7, 6, false},
		{"nothing changed", rpmfile.TagTriggerIndex, 7, 4, true},
	} {
		b := slices.Clone(good)
		start := int(h.PayloadOffset) - len(h.Main.Raw()) + 16
		for i := start; i < len(b); i += 16 {
			if tag := rpmfile.Tag(uint32(b[i])<<24 | uint32(b[i+1])<<16 | uint32(b[i+2])<<8 | uint32(b[i+3])); tag == tt.tag {
				b[i+tt.at] = tt.to
				break
			}
		}
		if _, err := rpmfile.Read(bytes.NewReader(b)); (err == nil) != tt.wantRead {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// A script that is not there.
	b := slices.Clone(good)
	start := int(h.PayloadOffset) - len(h.Main.Raw())
	number := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	for i := range number(start + 8) {
		if entry := start + 16 + 16*i; number(entry) == int(rpmfile.TagTriggerIndex) {
			b[start+16+16*number(start+8)+number(entry+8)+3] = 1
		}
	}
	if _, err := rpmfile.Read(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "a trigger runs script 1 of 1") {
		t.Errorf("a script that is not there: %v", err)
	}
}
