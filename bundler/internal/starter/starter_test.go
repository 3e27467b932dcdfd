package starter_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/scaffold"
	"onerpm/bundler/internal/starter"
)

func files(t *testing.T, a starter.Answers) map[string]string {
	t.Helper()
	list, err := starter.Files(a)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range list {
		out[f.Path] = string(f.Data)
	}
	return out
}

// Every key of both files is there, behind a comment or in one.
func TestEveryKeyIsThere(t *testing.T) {
	t.Parallel()
	got := files(t, starter.Answers{Pipeline: "none"})
	for file, types := range map[string][]reflect.Type{
		"versions/product.yaml":        {reflect.TypeFor[release.Product](), reflect.TypeFor[release.Unreached]()},
		"versions/installed-base.yaml": {reflect.TypeFor[release.InstalledBase](), reflect.TypeFor[release.Installed]()},
	} {
		for _, of := range types {
			for i := range of.NumField() {
				key := of.Field(i).Tag.Get("yaml")
				if !regexp.MustCompile(`(?m)^[# -]*` + key + `:`).MatchString(got[file]) {
					t.Errorf("%s lacks %s", file, key)
				}
			}
		}
	}
}

var example = regexp.MustCompile(`(?m)^# ((?:[a-z]+:| ).*)$`)

// What stands in comments as an example is taken when the signs are removed.
func TestExamplesAreTaken(t *testing.T) {
	t.Parallel()
	got := files(t, starter.Answers{Pipeline: "none", Name: "A", Prefix: "a", Vendor: "V", License: "MIT"})
	product := example.ReplaceAllString(got["versions/product.yaml"], "$1")
	base := strings.ReplaceAll(got["versions/installed-base.yaml"], "installed: []", "installed:")
	base = strings.ReplaceAll(base, "#   ", "    ")
	if product == got["versions/product.yaml"] || !strings.Contains(base, `    - release: "1.0"`) {
		t.Fatalf("no example was found in\n%s\n%s", product, base)
	}
	root := t.TempDir()
	if err := scaffold.PlaceInto(root, []scaffold.File{{Path: "versions/product.yaml", Data: []byte(product)}, {Path: "versions/packages.pub.asc"},
		{Path: "versions/installed-base.yaml", Data: []byte(strings.ReplaceAll(base, `"1.0"`, `"0.9"`))}}); err != nil {
		t.Fatal(err)
	}
	cat, err := release.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if p := cat.Product; p.URL == "" || p.Source == "" || p.PostgreSQL != "9.5" || len(p.Editions) != 1 || len(p.Keys) != 1 || len(p.Unreached) != 1 || cat.Base[0].Customers != 12 {
		t.Errorf("%+v, %+v", p, cat.Base)
	}
}

// The name is guessed from the folder's, the prefix is proposed.
func TestGuesses(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string][2]string{
		"almanac":              {"almanac", "almanac-upgrade"},
		"Almanac_Pro-upgrades": {"Almanac_Pro", "almanac-pro-upgrade"},
		"almanac bundles":      {"almanac", "almanac-upgrade"},
		"upgrade":              {"", "product-upgrade"},
		"4.2":                  {"", "product-upgrade"},
		"/":                    {"", "product-upgrade"},
	} {
		got := files(t, starter.Answers{Folder: folder, Pipeline: "none"})["versions/product.yaml"]
		if want[0] == "" && !strings.Contains(got, `product: "DECIDE: `) || want[0] != "" && !strings.Contains(got, `product: "`+want[0]+`"`) || !strings.Contains(got, "for good; "+want[1]+", perhaps") {
			t.Errorf("%s:\n%s", folder, got)
		}
	}
}

// What is answered stays what it is, whatever signs it has.
func TestAnswersAreQuoted(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"Example, Inc.", `a "b" \c`, "yes", "1.10", "a: b # c", "Ähre [x]", "no", "- x", "Plain Words"} {
		var got struct{ Vendor any }
		if err := yaml.Unmarshal([]byte(files(t, starter.Answers{Vendor: answer, Pipeline: "none"})["versions/product.yaml"]), &got); err != nil || got.Vendor != answer {
			t.Errorf("%q became %v, %v", answer, got.Vendor, err)
		}
	}
}
