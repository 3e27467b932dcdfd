package config

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/internal/manifest"
)

// FuzzMerge holds for whatever bytes a host has: no panic; a release that
// changes nothing changes nothing; a file as the old release left it gets the
// new release's values; a merged file merges into itself.
func FuzzMerge(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	formats := manifest.Formats
	for _, name := range names {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files := map[string][]byte{}
		for _, file := range ar.Files {
			files[file.Name] = file.Data
		}
		for i := range formats {
			f.Add(uint8(i), uint8(i), files["base"], files["theirs"], files["mine"])
		}
	}
	f.Fuzz(func(t *testing.T, format, policy uint8, base, theirs, mine []byte) {
		if len(base)+len(theirs)+len(mine) > 20000 {
			return
		}
		in := Input{Format: formats[int(format)%len(formats)], Base: orEmpty(base), Theirs: orEmpty(theirs), Mine: orEmpty(mine), Random: entropy{}}
		switch policy % 4 {
		case 1:
			in.Policy = map[string]manifest.Side{"*": manifest.Old}
		case 2:
			in.Policy = map[string]manifest.Side{"*": manifest.New}
		case 3:
			if in.Format != "text" {
				in.Set = map[string]manifest.Value{"a": {Literal: "x: \n'y\""}, "b.c": {Random: 5}, "d": {Copy: "a"}}
			}
		}
		checkMerge(t, in)
	})
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func checkMerge(t *testing.T, in Input) {
	r, err := Merge(in)
	if err != nil {
		return
	}
	if (r.Out == nil) != (len(r.Conflicts) > 0 || r.Gone) {
		t.Fatalf("out %q with %d conflicts", r.Out, len(r.Conflicts))
	}
	if r.Out != nil {
		again := in
		again.Mine = r.Out
		second, err := Merge(again)
		if err != nil || !bytes.Equal(second.Out, r.Out) {
			t.Fatalf("merged again: %v %v\n%q\n%q", err, second.Conflicts, r.Out, second.Out)
		}
	}
	still := in
	still.Theirs, still.Set = in.Base, nil
	merge := mergeKeyed
	if in.Format == "text" {
		merge = mergeText
	}
	r, err = merge(still)
	if errors.As(err, new(*ParseError)) {
		return // Merge does not even look into a file that need not change
	}
	if err != nil || !bytes.Equal(r.Out, in.Mine) {
		t.Fatalf("nothing changed, but: %v\n%q\n%q", err, in.Mine, r.Out)
	}
}
