package fleet

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/test/docs"
	"onerpm/test/fleet/scratch"
	"onerpm/test/need"
)

// aws stands for AWS's command: it notes what it is asked.
const aws = `#!/bin/sh
for a; do printf '%s\0' "$a"; done >>"$HOME/aws"
printf '\0' >>"$HOME/aws"
`

// TestFleetPage runs the commands of docs/fleets.md, as they stand there, with machines that are folders.
func TestFleetPage(t *testing.T) {
	t.Parallel()
	need.Root(t)
	const page = "docs/fleets.md"
	text, err := os.ReadFile(filepath.Join(project, page))
	if err != nil {
		t.Fatal(err)
	}
	d, err := docs.Read(page, string(text))
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, core: "newest", dir: t.TempDir(), machines: map[string]*scratch.Machine{}}
	bundle, digest := scratch.Bundle(t, "1")
	content, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	const rpm = "dist/cloudify-upgrade-4.2.0.rpm"
	f.write(rpm, string(content))
	f.write(rpm+".sha256", digest+"  cloudify-upgrade-4.2.0.rpm\n")
	f.write("bin/aws", aws)
	if err := os.Chmod(filepath.Join(f.dir, "bin/aws"), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	if err := os.Symlink(f.project("payload-scripts"), filepath.Join(f.dir, "payload-scripts")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", f.dir+"/bin/bundler", "onerpm/bundler").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// as on a controller that has no settings but those that the page tells of
	env := slices.DeleteFunc(f.environment(), func(e string) bool {
		return strings.HasPrefix(e, "ANSIBLE_CONFIG=") || strings.HasPrefix(e, "ANSIBLE_COLLECTIONS_PATH=")
	})
	env = append(env, "PATH="+f.dir+"/bin:"+f.project(".cache/ansible/newest/bin")+":"+os.Getenv("PATH"))
	said, n := "", 0
	for _, b := range d.Blocks {
		if b.How != "TestFleetPage" {
			continue
		}
		n++
		switch b.Language {
		case "sh":
			cmd := exec.CommandContext(t.Context(), "sh", "-ec", b.Text)
			cmd.Env, cmd.Dir = env, f.dir
			out, err := cmd.CombinedOutput()
			if said = string(out); err != nil {
				t.Fatalf("%s: %v\n%s", b, err, said)
			}
		case "ini":
			f.write("inventory", b.Text)
			for line := range strings.Lines(b.Text) {
				if name := strings.TrimSpace(line); !strings.HasPrefix(name, "[") && name != "" {
					m := scratch.New(t)
					f.machines[name] = m
					f.write("host_vars/"+name+".yml", "ansible_connection: local\nansible_shell_executable: "+m.Shell()+"\n")
				}
			}
		case "text":
			for _, line := range docs.Missing(b.Text, said) {
				t.Errorf("%s: it is not printed: %s\n%s", b, line, said)
			}
		}
	}
	if n != 7 || len(f.machines) != 3 {
		t.Errorf("%d blocks, %d machines", n, len(f.machines))
	}
	html, err := os.ReadFile(filepath.Join(f.dir, "fleet.html"))
	if err != nil || !strings.Contains(string(html), "<strong>3</strong> upgraded") {
		t.Errorf("%v\n%.2000s", err, html)
	}
	f.awsWasAsked()
}

// awsWasAsked compares what the page gives to AWS's command with the documents.
func (f *fleet) awsWasAsked() {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "aws"))
	if err != nil {
		f.t.Fatal(err)
	}
	var automation struct {
		Parameters map[string]struct {
			Default        *string `yaml:"default"`
			AllowedPattern string  `yaml:"allowedPattern"`
		} `yaml:"parameters"`
	}
	var given map[string][]string
	for _, arg := range strings.Split(string(text), "\x00") {
		if file, ok := strings.CutPrefix(arg, "file://"); ok {
			document, err := os.ReadFile(filepath.Join(f.dir, file))
			if err == nil && strings.HasSuffix(file, "automation.yaml") {
				err = yaml.Unmarshal(document, &automation)
			}
			if err != nil {
				f.t.Error(err)
			}
		}
		if strings.HasPrefix(arg, "{") {
			if err := json.Unmarshal([]byte(arg), &given); err != nil {
				f.t.Error(err)
			}
		}
	}
	for name, values := range given {
		p, known := automation.Parameters[name]
		if !known || p.AllowedPattern != "" && !regexp.MustCompile(p.AllowedPattern).MatchString(values[0]) {
			f.t.Errorf("the document does not take %s %q", name, values)
		}
	}
	for name, p := range automation.Parameters {
		if p.Default == nil && given[name] == nil {
			f.t.Errorf("the page does not give %s", name)
		}
	}
	if len(given) < 8 {
		f.t.Errorf("given are %v", given)
	}
}
