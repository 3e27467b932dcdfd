package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// allowed is every module whose code may be in the engine, with the reason. The
// engine runs as root on a machine we cannot see: what is in it is chosen.
var allowed = map[string]string{
	"onerpm":                             "ourselves",
	"github.com/aymanbagabas/go-udiff":   "lines that two sides of a merge changed",
	"github.com/coreos/go-systemd/v22":   "systemd over D-Bus",
	"github.com/godbus/dbus/v5":          "D-Bus, for go-systemd",
	"github.com/goccy/go-yaml":           "configuration files, comments and order kept",
	"github.com/gofrs/flock":             "one engine at a time",
	"github.com/google/nftables":         "clients that wait are the kernel's to hand over; a host need not have the program nft",
	"github.com/jackc/pgx/v5":            "PostgreSQL",
	"github.com/jackc/pgpassfile":        "for pgx",
	"github.com/jackc/pgservicefile":     "for pgx",
	"github.com/jackc/puddle/v2":         "for pgx",
	"github.com/jsimonetti/rtnetlink/v2": "routes and routing rules, likewise",
	"github.com/klauspost/compress":      "zstd: packages that the bundle carries compressed as one",
	"github.com/mdlayher/netlink":        "for nftables and rtnetlink",
	"github.com/mdlayher/socket":         "for netlink",
	"github.com/mfridman/interpolate":    "for goose",
	"github.com/pelletier/go-toml/v2":    "the grammar of TOML files: its parser alone, which tells where each part stands",
	"github.com/pressly/goose/v3":        "migrations",
	"github.com/sethvargo/go-retry":      "for goose",
	"go.uber.org/multierr":               "for goose",
	"golang.org/x/net":                   "for netlink: its filters of packets",
	"golang.org/x/sync":                  "for pgx and goose; independent checks in parallel",
	"golang.org/x/sys":                   "file system calls",
	"golang.org/x/text":                  "for pgx: password preparation (RFC 8265)",
}

// TestImports fails when anything else comes into the engine, and when the
// engine reaches into the bundler.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.Module.Path}} {{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		module, pkg, _ := strings.Cut(line, " ")
		seen[module] = true
		if _, ok := allowed[module]; !ok {
			t.Errorf("%s is in the engine; its module %s is not allowed there", pkg, module)
		}
		if strings.HasPrefix(pkg, "onerpm/bundler/") {
			t.Errorf("the engine imports %s of the bundler", pkg)
		}
		if strings.HasPrefix(pkg, "onerpm/internal/machine") {
			t.Errorf("the engine imports %s, which is for test machines", pkg)
		}
	}
	var unused []string
	for module := range allowed {
		if !seen[module] {
			unused = append(unused, module)
		}
	}
	sort.Strings(unused)
	if len(unused) > 0 {
		t.Errorf("allowed but not in the engine any more: %v", unused)
	}
}

// sharedMayImport are the modules that packages of internal/ may import beside the standard library.
var sharedMayImport = map[string]map[string]string{
	"onerpm/internal/hostconf/yamlsyntax": {"github.com/goccy/go-yaml": "YAML's grammar is too large to read it by hand; both programs must read the same"},
	"onerpm/internal/hostconf/tomlsyntax": {"github.com/pelletier/go-toml/v2": "likewise TOML's"},
	"onerpm/internal/machine": {
		"github.com/gofrs/flock":        "layers are made once, and a machine belongs to a process",
		"github.com/google/renameio/v2": "files of a machine that is on are replaced whole",
		"github.com/google/rpmpack":     "the package that says what Debian provides",
		"golang.org/x/sys":              "mounts, and the machine's network",
	},
	"onerpm/internal/solid":        {"github.com/klauspost/compress": "zstd, which the standard library lacks; what one program writes the other must read"},
	"onerpm/internal/machine/disk": {"golang.org/x/sys": "the power cut of ext4"},
}

// TestSharedImportsOnlyTheStandardLibrary holds the root's internal packages to it,
// but for what sharedMayImport admits.
func TestSharedImportsOnlyTheStandardLibrary(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "onerpm/internal/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	modules := []string{"onerpm/internal/"}
	for _, admitted := range sharedMayImport {
		modules = slices.AppendSeq(modules, maps.Keys(admitted))
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for _, pkg := range fields[1:] {
			if first, _, _ := strings.Cut(pkg, "/"); !strings.Contains(first, ".") && first != "onerpm" {
				continue // the standard library
			}
			i := slices.IndexFunc(modules, func(m string) bool { return strings.HasPrefix(pkg, m) })
			if i < 0 || i > 0 && sharedMayImport[fields[0]][modules[i]] == "" {
				t.Errorf("%s imports %s; it may import the standard library only, and what sharedMayImport admits", fields[0], pkg)
			}
		}
	}
}

// What the resources of an attempt know of the engine: by package job, and by package schema.
const (
	attempt   = "advice finding host job journal layout programs progress rpm settings"
	databases = attempt + " config database dbspace diff3 dump files migration paths random sequence state tree"
)

// walls are packages of the engine that may know little of it, with what they may import of it, and why.
var walls = map[string]struct{ may, why string }{
	"line":    {"host journal", "which step follows which holds for any resource; host is the journal's, for durable files"},
	"journal": {"host", "a record that everybody writes to may know nobody"},
	"layout":  {"advice finding settings", "paths only; a bundle's manifest comes with the admin's settings"},
	"mountns": {"host programs", "any program, any files"},
	"pickle":  {"document", "a value in, bytes out"},
	"mapping": {"document pickle timeform", "what becomes of a document asks nobody"},
	"elastic": {"document", "a node knows nothing of what its documents are"},
	"source":  {"document elastic", "a source knows nothing of where its documents go"},
	"hook":    {"host journal programs", "a program of the product is told what docs/hooks.md says, and what it did stands in the journal"},
	"window":  {attempt + " capture header health hold idle relay service sockets storehost systemd unitlog", "services, doors and those who wait before them; what is done while they are down is others'"},
	"schema":  {databases, "databases only; files is where a merged file is"},
	"drain": {databases + " schema copyin document elastic ledger mapping pickle source store storecheck storehost stores target timeform",
		"what it counts, databases and stores; it stops no service and shuts no door"},
	"relay":   {"sockets", "bytes of clients; it knows no upgrade"},
	"sockets": {"", "the kernel's tables"},
	"idle":    {"", "sockets of another process; it knows no upgrade"},
	"capture": {"host programs", "ports and a kernel; it knows no product"},
	"proof":   {"host memory packages paths pkgfile programs rebuild release rpm tree", "packages on a copy of rpm's database; what a person is told of it is preflight's"},
	"job":     {attempt, "every resource works with it, so it knows none; rpm is what tells how far it is"},
}

// largest is how many lines a package of the engine may have without its tests: more are two subjects.
const largest = 1500

// TestPackageSizes fails when a package of the engine has too many lines.
func TestPackageSizes(t *testing.T) {
	folders, err := filepath.Glob("internal/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines += strings.Count(string(text), "\n")
		}
		if lines >= largest {
			t.Errorf("%s has %d lines, fewer than %d are allowed", folder, lines, largest)
		}
	}
}

// TestWalls fails when one of these packages comes to know more of the engine.
func TestWalls(t *testing.T) {
	const prefix = "onerpm/payload-scripts/internal/"
	for pkg, wall := range walls {
		out, err := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}", "./internal/"+pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		for _, path := range strings.Fields(string(out)) {
			name, inside := strings.CutPrefix(path, prefix)
			if inside && name != pkg && !strings.Contains(" "+wall.may+" ", " "+name+" ") {
				t.Errorf("%s comes to import %s; it may import %q: %s", pkg, name, wall.may, wall.why)
			}
		}
	}
}
