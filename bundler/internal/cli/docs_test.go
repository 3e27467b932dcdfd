package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/cli"
	"onerpm/bundler/internal/exit"
)

// The document has every exit code with the program's own words.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(exit.Table()) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.Contains(string(doc), "| "+code+" | "+meaning) {
			t.Errorf("docs/exit-codes.md lacks | %s | %s |", code, meaning)
		}
	}
}

// The picture in the documents is that of the project's own releases.
func TestCoveragePicture(t *testing.T) {
	t.Parallel()
	got := filepath.Join(t.TempDir(), "coverage.svg")
	var out, errs bytes.Buffer
	code := cli.Run(context.Background(), []string{"bundler", "matrix", "--project", "../../..", "--dist", t.TempDir(), "--svg", got},
		strings.NewReader(""), &out, &errs, nil)
	if code != exit.OK {
		t.Fatalf("code %d: %s", code, errs.String())
	}
	picture, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	const kept = "../../../docs/coverage.svg"
	if *update {
		if err := os.WriteFile(kept, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := os.ReadFile(kept); err != nil || !bytes.Equal(was, picture) {
		t.Errorf("docs/coverage.svg is not of this project (%v): go test ./bundler/internal/cli -run TestCoveragePicture -update", err)
	}
}

// The example that docs/stores.md explains is one that check takes, and diff tells what stands there.
func TestStoresExample(t *testing.T) {
	t.Parallel()
	const file = "../../../docs/stores.md"
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, there := strings.Cut(string(doc), "```"+language+" TestStoresExample\n")
		text, _, ends := strings.Cut(rest, "```\n")
		if !there || !ends {
			t.Fatalf("%s has no block of %s", file, language)
		}
		return text
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"versions/product.yaml":                             "product: Depot\nprefix: depot-upgrade\nvendor: Example\nlicense: Apache-2.0\n",
		"versions/2.0.yaml":                                 "version: 2.0\ndate: 2020-01-01\nstatus: supported\nplatforms: [ el8.x86_64 ]\ncomponents: [ { name: depot, evr: 2.0-1, arch: noarch, source: rpms, size: 1, sha256: 0000000000000000000000000000000000000000000000000000000000000000 } ]\n",
		"versions/3.0.yaml":                                 "version: 3.0\ndate: 2021-01-01\nstatus: supported\nplatforms: [ el8.x86_64 ]\ncomponents: [ { name: depot, evr: 3.0-1, arch: noarch, source: rpms, size: 1, sha256: 0000000000000000000000000000000000000000000000000000000000000000 } ]\n",
		"versions/2.0/config/etc/depot/depot.yaml":          "search_host: localhost\nsearch_port: 9200\nsite_name: Kiel\ndb_host: localhost\ndb_name: depot\ndb_user: depot\n",
		"versions/3.0/config/etc/depot/depot.yaml":          "search_host: localhost\nsearch_port: 9200\nsite_name: Kiel\ndb_host: localhost\ndb_name: depot\ndb_user: depot\n",
		"specs/2.0-3.0/migrations/3001_expand_baseline.sql": block("sql"),
		"specs/2.0-3.0/upgrade.yaml": "from: 2.0\nto: 3.0\nrevision: 1\nlimits: { window: 60s, lock_timeout: 3s }\ndatabases:\n  - name: main\n    migrations: migrations\n" +
			"    connection: { file: /etc/depot/depot.yaml, format: yaml, keys: { host: db_host, database: db_name, user: db_user } }\n" + block("yaml"),
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		var out, errs bytes.Buffer
		if code := cli.Run(context.Background(), append([]string{"bundler"}, args...), strings.NewReader(""), &out, &errs, nil); code != exit.OK || errs.Len() > 0 {
			t.Fatalf("%q: code %d: %s", args, code, errs.String())
		}
		return out.String()
	}
	run("check", "--project", root)
	_, told, _ := strings.Cut(run("diff", "2.0-3.0", "--project", root), "\n\ndata that")
	told, _, _ = strings.Cut("data that"+told, "\n\n")
	if want := strings.TrimSpace(block("text")); strings.TrimSpace(told) != want {
		t.Errorf("diff tells\n%s\nand docs/stores.md has\n%s", told, want)
	}
}

// The project leaves no customer behind: as docs/writing-a-jump.md tells.
func TestTheProjectsCustomers(t *testing.T) {
	t.Parallel()
	run := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := cli.Run(context.Background(), append([]string{"bundler"}, args...), strings.NewReader(""), &out, &errs, nil)
		return code, out.String() + errs.String()
	}
	if code, said := run("matrix", "--project", "../../..", "--dist", t.TempDir(), "--check"); code != exit.OK || !strings.Contains(said, "400 of 400 customers have a way") {
		t.Errorf("code %d: %s", code, said)
	}
	code, said := run("paths", "3.4.2", "4.2.0", "--project", "../../..")
	if code != exit.OK || strings.Count(said, "\n") != 4 || !strings.Contains(said, "3.4.2-4.0.1") {
		t.Errorf("code %d: %s", code, said)
	}
	for _, version := range []string{"3.4.0", "3.4.1"} {
		if code, said := run("paths", version, "4.2.0", "--project", "../../.."); code != exit.Usage || !strings.Contains(said, "is brought to 3.4.2 first") {
			t.Errorf("%s: code %d: %s", version, code, said)
		}
	}
}

// TestArchitectureNamesEveryPackage: somebody who looks for a package finds it in docs/architecture.md.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../../../internal/*", "../*", "../../../payload-scripts/internal/*", "../../../test/*"} {
		folders, err := filepath.Glob(pattern)
		if err != nil || len(folders) < 5 {
			t.Fatalf("%s: %d folders, %v", pattern, len(folders), err)
		}
		for _, folder := range folders {
			name := filepath.Base(folder)
			if strings.HasSuffix(name, "test") || name == "keys" { // helpers of a package's own tests, and data
				continue
			}
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/architecture.md does not name %s", folder)
			}
		}
	}
}
