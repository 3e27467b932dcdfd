package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// stages are the packages of the bundler in the order in which a bundle comes about, after what all of them use. A
// package may use those of earlier stages, and those before it in its own.
var stages = [][]string{
	{"version", "exit", "engine", "engine/embed", "mistake", "percent", "stall", "s3client", "intoto", "sign", "output", "strictyaml", "notes", "conffile", "ddl", "rpmtest", "rpmpkg", "rpmcheck"},
	{"release", "schema"},                              // read
	{"plan", "pkgconf", "diff", "scaffold", "starter"}, // plan
	{"fetch", "lock"},                                  // fetch
	{"pack", "payloads", "companion", "deliver"},       // build
	{"inspect", "picture", "installed", "certify"},     // look, and prove
	{"repodata", "repodata/onemore"},                   // publish
	{"store", "store/storetest", "repo"},
	{"page", "matrix", "fleet"}, // tell
	{"complete", "manual", "cli"},
}

// TestStages fails when a package uses one of a later stage, and when one is not in the list.
func TestStages(t *testing.T) {
	const at = "onerpm/bundler/internal/"
	order := slices.Concat(stages...)
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", at+"...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], at)
		place := slices.Index(order, pkg)
		if place < 0 {
			t.Errorf("%s is in no stage", pkg)
			continue
		}
		seen++
		for _, used := range words[1:] {
			name, ours := strings.CutPrefix(used, at)
			if ours && slices.Index(order, name) > place {
				t.Errorf("%s uses %s, which comes later", pkg, name)
			}
		}
	}
	if seen != len(order) {
		t.Errorf("%d packages are there, %d in the stages", seen, len(order))
	}
}
