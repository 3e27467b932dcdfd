package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// thirdParties returns the licences of all that is in the bundler and in the engine in it, which most of them want to go
// along: those of Go itself and of each module.
func thirdParties(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./bundler", "./payload-scripts")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	listed, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the modules in the bundler: %w", err)
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go itself: %w", err)
	}
	all := strings.Split(strings.TrimSpace(string(listed)), "\n")
	all = append(all, "Go "+strings.TrimPrefix(runtime.Version(), "go")+"\t"+strings.TrimSpace(string(root)))
	slices.Sort(all)
	var b bytes.Buffer
	for _, module := range slices.Compact(all) {
		what, dir, there := strings.Cut(module, "\t")
		if !there {
			continue // a package of the standard library, or of ours
		}
		texts, err := licences(dir)
		if err != nil {
			return nil, fmt.Errorf("read the licence of %s: %w", what, err)
		}
		fmt.Fprintf(&b, "==== %s ====\n\n%s\n", what, texts)
	}
	return b.Bytes(), nil
}

var aLicence = regexp.MustCompile(`(?i)^(un)?licen[sc]e|^copying|^notice|^patents`)

// licences returns what stands in a module's files of that kind.
func licences(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, e := range entries {
		if !e.Type().IsRegular() || !aLicence.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	if b.Len() == 0 {
		return nil, fmt.Errorf("there is none in %s", dir)
	}
	return b.Bytes(), nil
}
