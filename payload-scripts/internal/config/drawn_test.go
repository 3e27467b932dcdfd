package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"onerpm/internal/manifest"
)

// security is a file of which nothing is left, and whose values are all the host's own.
func security(mine string, drawn map[string]string) Input {
	return Input{
		Format: "json", Base: []byte(`{"enabled": false, "users": "<<users>>"}`),
		Theirs: []byte(`{"hash_salt": "<<salt>>", "secret_key": "<<key>>", "alphabet": "<<alphabet>>", "block": 24}`), Mine: []byte(mine),
		Set: map[string]manifest.Value{
			"hash_salt": {Random: 32, As: manifest.RandomBase64}, "secret_key": {Random: 32, As: manifest.RandomBase64}, "alphabet": {Random: 31, As: manifest.RandomDistinct},
		},
		Random: rand.Reader, Drawn: drawn,
	}
}

func TestRandomForms(t *testing.T) {
	t.Parallel()
	drawn := map[string]string{}
	r, err := Merge(security(`{"enabled": false, "users": "none"}`, drawn))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(r.Out, &got); err != nil || len(got) != 4 {
		t.Fatalf("%s: %v", r.Out, err)
	}
	for _, key := range []string{"hash_salt", "secret_key"} {
		if b, err := base64.StdEncoding.DecodeString(got[key].(string)); err != nil || len(b) != 32 {
			t.Errorf("%s is %v: %d bytes, %v", key, got[key], len(b), err)
		}
	}
	if got["hash_salt"] == got["secret_key"] {
		t.Error("one value was drawn for two keys")
	}
	alphabet := got["alphabet"].(string)
	if len(alphabet) != 31 {
		t.Errorf("the alphabet is %q", alphabet)
	}
	for i, c := range alphabet {
		if !strings.ContainsRune(manifest.LettersAndDigits, c) || strings.ContainsRune(alphabet[i+1:], c) {
			t.Errorf("the alphabet is %q", alphabet)
		}
	}
	// Nothing that is told holds a value.
	told, err := json.Marshal(r.Changes)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range drawn {
		if got[key] != value || strings.Contains(string(told), value) {
			t.Errorf("%s is %v, noted is %q, told is %s", key, got[key], value, told)
		}
	}
	if len(drawn) != 3 || len(r.Changes) == 0 {
		t.Errorf("noted %d values, told %d changes", len(drawn), len(r.Changes))
	}
}

// TestDrawnOnce: a merge that is made again, of another file, draws nothing anew.
func TestDrawnOnce(t *testing.T) {
	t.Parallel()
	drawn := map[string]string{}
	first, err := Merge(security(`{"enabled": false, "users": "none"}`, drawn))
	if err != nil {
		t.Fatal(err)
	}
	noted := maps.Clone(drawn)
	in := security(`{"users": "some", "enabled": false, "more": 1}`, drawn)
	in.Random = broken{}
	again, err := Merge(in)
	if err != nil || !maps.Equal(drawn, noted) {
		t.Fatalf("%v, noted %v and then %v", err, noted, drawn)
	}
	for key, value := range noted {
		if !strings.Contains(string(first.Out), value) || !strings.Contains(string(again.Out), value) {
			t.Errorf("%s is not %s in both:\n%s\n%s", key, value, first.Out, again.Out)
		}
	}
	if _, err := Merge(func() Input { in := in; in.Drawn = nil; return in }()); err == nil { // without what was noted
		t.Error("drawn from a source that has nothing")
	}
}

func TestRandomFormErrors(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]manifest.Value{
		"and there is none": {Literal: "x", As: manifest.RandomBase64}, `"hex" is none of base64, distinct`: {Random: 3, As: "hex"},
		"only 62 different": {Random: 63, As: manifest.RandomDistinct},
	} {
		in := Input{Format: "json", Base: []byte(`{}`), Theirs: []byte(`{}`), Mine: []byte(`{"b": 1}`), Set: map[string]manifest.Value{"a": v}, Random: entropy{}}
		if _, err := Merge(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", v, err)
		}
	}
}
