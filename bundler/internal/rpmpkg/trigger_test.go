package rpmpkg_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
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

func TestTriggers(t *testing.T) {
	t.Parallel()
	h, err := rpmpkg.Read(bytes.NewReader(built(t, triggerSpec, payloads["gzip"])))
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
	plain, err := rpmpkg.Read(bytes.NewReader(samplerpm.Packed(t)))
	if err != nil {
		t.Fatal(err)
	}
	if plain.Triggers() != nil {
		t.Errorf("a package without triggers has %v", plain.Triggers())
	}
}

// A trigger whose lists do not fit together is refused when the package is read, so
// that Triggers cannot fail.
func TestTriggersThatDoNotFit(t *testing.T) {
	t.Parallel()
	good := built(t, "Name: a\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n%triggerin -- base\necho\n%files\n", payloads["gzip"])
	h, err := rpmpkg.Read(bytes.NewReader(good))
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
		{"names of another length than flags", 1068, 15, 2, false},
		{"the index is text", 1069, 7, 6, false},
		{"nothing changed", 1069, 7, 4, true},
	} {
		b := slices.Clone(good)
		start := int(h.PayloadOffset) - len(h.Main.Raw()) + 16
		for i := start; i < len(b); i += 16 {
			if tag := rpmfile.Tag(uint32(b[i])<<24 | uint32(b[i+1])<<16 | uint32(b[i+2])<<8 | uint32(b[i+3])); tag == tt.tag {
				b[i+tt.at] = tt.to
				break
			}
		}
		if _, err := rpmpkg.Read(bytes.NewReader(b)); (err == nil) != tt.wantRead {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// A script that is not there.
	b := slices.Clone(good)
	start := int(h.PayloadOffset) - len(h.Main.Raw())
	number := func(at int) int { return int(binary.BigEndian.Uint32(b[at:])) }
	for i := range number(start + 8) {
		if entry := start + 16 + 16*i; number(entry) == int(1069) {
			b[start+16+16*number(start+8)+number(entry+8)+3] = 1
		}
	}
	if _, err := rpmpkg.Read(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "a trigger runs script 1 of 1") {
		t.Errorf("a script that is not there: %v", err)
	}
}

func TestScriptlets(t *testing.T) {
	t.Parallel()
	p, err := rpmpkg.Read(bytes.NewReader(built(t, spec, payloads["gzip"])))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q", p.Scriptlets())
	want := `[{"pre" ["<lua>"] "print(\"pre\")"} {"post" ["/sbin/ldconfig"] ""} {"preun" ["/bin/sh"] "echo gone"} {"postun" ["/bin/sh"] "echo \"$1\""} {"posttrans" ["/bin/sh"] "true"}]`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
