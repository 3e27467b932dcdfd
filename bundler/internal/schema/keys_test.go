package schema_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/schema"
)

const keysPage = "docs/keys.md"

// TestKeysPage: the reference has every key as the bundler reads it now.
func TestKeysPage(t *testing.T) {
	t.Parallel()
	file, want := filepath.Join(root, keysPage), schema.Page(commented(t))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is stale (%v): make generate", keysPage, err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^### `(.*)`$").FindAllStringSubmatch(want, -1) {
		anchor := regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if headings[anchor] {
			t.Errorf("two headings are called #%s", anchor)
		}
		headings[anchor] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(want, -1) {
		if !headings[m[1]] {
			t.Errorf("no heading is called #%s", m[1])
		}
	}
	for _, key := range []string{"| `prefix` | • | text |", "| `customers` |  | number, at least 0 |", "| `evr` | • |", "| `migrations` |  | text |", "| `window` | • | time |", "[mapping](#serviceshealth)"} {
		if !strings.Contains(want, key) {
			t.Errorf("the page lacks %s", key)
		}
	}
}

// texts are the descriptions of all keys and mappings, by "file: mapping.key".
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range schema.Files {
		text, err := f.Make(commented(t))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		take(out, f.Name+": ", doc, false)
		all, _ := doc["$defs"].(map[string]any)
		for name, def := range all {
			take(out, f.Name+": "+name, def.(map[string]any), true)
		}
	}
	if len(out) < 250 {
		t.Fatalf("only %d texts were found", len(out))
	}
	return out
}

func take(out map[string]string, name string, s map[string]any, itself bool) {
	if itself {
		out[name], _ = s["description"].(string)
	}
	forms, _ := s["anyOf"].([]any)
	for _, form := range append(forms, s) {
		properties, _ := form.(map[string]any)["properties"].(map[string]any)
		for key, p := range properties {
			out[name+"."+key], _ = p.(map[string]any)["description"].(string)
		}
	}
}

var (
	goWords  = regexp.MustCompile(`\[[A-Z]\w*\]|\b(nil|struct|slices?|func|interface|pointers?|shapes?|types? of Go|[Ss]ee \w+\.\w+|[a-z]+\.[A-Z]\w*|[A-Z][a-z]+\.[A-Z]\w*|map\[|->)\b|->`)
	fragment = regexp.MustCompile(`^(Of|And|From|On|In|With|By|Likewise|Between|At|For|As|E\.g\.|"|Key$)([ :]|$)`)
	inside   = regexp.MustCompile(`[a-z,;] ([A-Z][A-Za-z]+)\b`)
	proper   = []string{"PostgreSQL", "Elasticsearch", "OpenPGP", "RPM", "SQL", "HTTP", "TLS", "TCP", "URL", "JSON", "API", "Vendor", "License", "MemAvailable", "MiB", "NULL", "SET", "DD", "YYYY"} // of the field, not of the source
)

// goNames are the names of the types that the files are read into, and of their fields, as far as they are no words of the field.
func goNames() []string {
	var out []string
	var walk func(reflect.Type)
	seen := map[reflect.Type]bool{}
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		out = append(out, of.Name())
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() {
				out = append(out, f.Name)
				walk(f.Type)
			}
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[release.Product](), reflect.TypeFor[release.InstalledBase](), reflect.TypeFor[release.Release](), reflect.TypeFor[release.Spec]()} {
		walk(of)
	}
	return out
}

// unfit says why a text is none for people; "" when it is.
func unfit(text string, names []string) string {
	switch {
	case text == "":
		return "nothing says what it is"
	case goWords.MatchString(text):
		return fmt.Sprintf("%q is a word of Go", goWords.FindString(text))
	case fragment.MatchString(text) || len(strings.Fields(text)) < 2:
		return "it can be understood only beside the source"
	}
	for _, m := range inside.FindAllStringSubmatch(text, -1) {
		if slices.Contains(names, m[1]) && !slices.Contains(proper, m[1]) {
			return m[1] + " is a name of the source: write the key"
		}
	}
	return ""
}

// Descriptions are shown by editors and stand in the reference: they are for people who have never seen the source.
func TestDescriptionsAreForPeople(t *testing.T) {
	t.Parallel()
	names := goNames()
	for name, text := range texts(t) {
		if why := unfit(text, names); why != "" {
			t.Errorf("%s: %q: %s", path.Clean(name), text, why)
		}
	}
	for text, bad := range map[string]bool{
		"": true, "Key": true, "Of the bundles": true, "Likewise: takes back what run did": true, "As text": true, "Default; see Component.Source": true,
		"The list, nil for none": true, "The shape of lists": true, "See [Service] for more": true, "Name -> the reason": true, "Script that takes back what Run did": true,
		"Name of the package": false, "Query of PostgreSQL, as SQL": false, "How long to wait": false,
	} {
		if got := unfit(text, names); (got != "") != bad {
			t.Errorf("%q: %q", text, got)
		}
	}
}
