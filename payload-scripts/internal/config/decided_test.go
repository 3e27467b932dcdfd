package config

import (
	"fmt"
	"testing"

	"onerpm/internal/manifest"
)

// TestWhoDecided: what the admin's settings decide is never told as the bundle's policy, nor the other way round, in
// whatever way a file is merged; and the settings win over all of the policy, also over what it says of a single key.
func TestWhoDecided(t *testing.T) {
	t.Parallel()
	type sides = map[string]manifest.Side
	all := func(s manifest.Side) sides { return sides{"*": s} }
	gone := []byte(nil)
	for name, c := range map[string]struct {
		in       Input
		packaged bool
	}{
		"by key":                {in: Input{Format: "json", Base: []byte(`{"a":1}`), Theirs: []byte(`{"a":2}`), Mine: []byte(`{"a":3}`)}},
		"by line":               {in: Input{Format: "text", Base: []byte("1\n"), Theirs: []byte("2\n"), Mine: []byte("3\n")}},
		"not to be read":        {in: Input{Format: "json", Base: []byte(`{"a":1}`), Theirs: []byte(`{"a":2}`), Mine: []byte(`{"a"`)}},
		"taken away":            {in: Input{Format: "json", Base: []byte(`{"a":1}`), Theirs: []byte(`{"a":2}`), Mine: gone}},
		"a package's":           {in: Input{Format: "json", Base: []byte(`{"a":1}`), Theirs: []byte(`{"a":2}`), Mine: []byte(`{"a":3}`)}, packaged: true},
		"a package's, away":     {in: Input{Format: "text", Base: []byte("1\n"), Theirs: []byte("2\n"), Mine: gone}, packaged: true},
		"a package's, no text":  {in: Input{Format: "text", Base: []byte("1\x00"), Theirs: []byte("2\x00"), Mine: []byte("3\x00")}, packaged: true},
		"a package's, anew":     {in: Input{Format: "text", Theirs: []byte("2\x00"), Mine: []byte("3\x00")}, packaged: true},
		"a package's, and kept": {in: Input{Format: "text", Base: []byte("1\n"), Theirs: []byte("2\n"), Mine: []byte("3\n")}, packaged: true},
	} {
		for _, side := range []manifest.Side{manifest.Old, manifest.New} {
			other := manifest.Old
			if side == manifest.Old {
				other = manifest.New
			}
			outcome := func(decided, policy sides) (string, string) {
				in := c.in
				in.Decided, in.Policy = decided, policy
				merge := Merge
				if c.packaged {
					merge = MergePackaged
				}
				r, err := merge(in)
				if err != nil || len(r.Conflicts) > 0 || len(r.Changes) != 1 {
					t.Fatalf("%s, %s: %+v, %v", name, side, r, err)
				}
				return r.Changes[0].By, fmt.Sprintf("%q %t", r.Out, r.Gone)
			}
			by, alone := outcome(all(side), nil)
			if by != BySettings {
				t.Errorf("%s, %s by the settings: by %s", name, side, by)
			}
			by, policy := outcome(nil, all(side))
			if by != ByPolicy || policy != alone {
				t.Errorf("%s, %s by the policy: by %s, %s, want %s", name, side, by, policy, alone)
			}
			if by, both := outcome(all(side), sides{"a": other, "*": other}); by != BySettings || both != alone {
				t.Errorf("%s, %s by the settings against the policy: by %s, %s, want %s", name, side, by, both, alone)
			}
		}
	}
}

// TestDroppedFile: one that the new release does not have stays where it was decided so, and it is told by whom.
func TestDroppedFile(t *testing.T) {
	t.Parallel()
	for _, merge := range []func(Input) (Result, error){Merge, MergePackaged} {
		in := Input{Format: "text", Base: []byte("1\n"), Mine: []byte("2\n"), Decided: map[string]manifest.Side{"*": manifest.Old}}
		if r, err := merge(in); err != nil || r.Gone || r.Changes[0].By != BySettings {
			t.Errorf("%+v, %v", r, err)
		}
		in.Decided, in.Policy = nil, in.Decided
		if r, err := merge(in); err != nil || r.Gone || r.Changes[0].By != ByPolicy {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestLookup: the key itself, then what it lies under, then all.
func TestLookup(t *testing.T) {
	t.Parallel()
	decided := map[string]int{"a.b": 1, "a": 2, "*": 3}
	for key, want := range map[string]int{"a.b": 1, "a.b.c": 1, "a.c": 2, "a": 2, "ab": 3, "": 3, ".a": 3} {
		if got, ok := Lookup(decided, key); got != want || !ok {
			t.Errorf("%q: %d", key, got)
		}
	}
	if _, ok := Lookup(map[string]int{"a": 1}, "b"); ok {
		t.Error("what nobody decided is found")
	}
}
