package fleet

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onerpm/test/fleet/runcommand"
	"onerpm/test/fleet/scratch"
)

var update = flag.Bool("update", false, "write machine.sh into the Command document")

var inputs = map[string][]string{ // of the two plugins that are used: those that must be given
	"aws:downloadContent": {"destinationPath", "sourceInfo", "sourceType"},
	"aws:runShellScript":  {"runCommand", "timeoutSeconds"},
}

func readCommand(t *testing.T) runcommand.Document {
	t.Helper()
	d, err := runcommand.Read("ssm/command.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCommandDocument holds the document against the schema.
func TestCommandDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ssm/command.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 64<<10 {
		t.Errorf("a document has at most 64 KiB, this one %d bytes", len(text))
	}
	c := readCommand(t)
	if c.SchemaVersion != "2.2" || c.Description == "" {
		t.Errorf("%q, %q", c.SchemaVersion, c.Description)
	}
	for name, p := range c.Parameters {
		if p.Type != "String" || p.Description == "" || (p.AllowedPattern == "") == (p.AllowedValues == nil) {
			t.Errorf("parameter %s: %+v", name, p)
		}
		if p.AllowedPattern != "" && (!strings.HasPrefix(p.AllowedPattern, "^") || !strings.HasSuffix(p.AllowedPattern, "$")) {
			t.Errorf("parameter %s: the pattern is for a part of the value", name)
		}
	}
	named := regexp.MustCompile(`^[a-zA-Z0-9_]{3,128}$`)
	seen := map[string]bool{}
	for _, s := range c.MainSteps {
		if !named.MatchString(s.Name) || seen[s.Name] || !slices.Equal(s.Precondition.StringEquals, []string{"platformType", "Linux"}) {
			t.Errorf("step %+v", s)
		}
		seen[s.Name] = true
		var has []string
		for name := range s.Inputs {
			has = append(has, name)
		}
		slices.Sort(has)
		if !slices.Equal(has, inputs[s.Action]) {
			t.Errorf("step %s: the inputs of %s are %v, not %v", s.Name, s.Action, inputs[s.Action], has)
		}
	}
	if got := c.MainSteps[1].Inputs["timeoutSeconds"]; got != "7200" {
		t.Errorf("the script is given %v seconds", got)
	}
}

// Between these lines of the document is the script.
const begins, ends = "<<'END_OF_MACHINE'\n", "          END_OF_MACHINE\n"

// TestScriptInDocument: a machine of SSM is told the same as one of Ansible.
func TestScriptInDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ssm/command.yaml")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	indented := ""
	for line := range strings.Lines(string(machine)) {
		if strings.TrimSpace(line) != "" {
			line = "          " + line
		}
		indented += line
	}
	head, rest, _ := strings.Cut(string(text), begins)
	_, tail, ok := strings.Cut(rest, ends)
	want := head + begins + indented + ends + tail
	switch {
	case !ok || strings.Contains(string(machine), "{{"):
		t.Error("the document has no place for the script, or the script what SSM takes for a parameter")
	case *update:
		if err := os.WriteFile("ssm/command.yaml", []byte(want), 0o644); err != nil { //nolint:gosec // a file of the project
			t.Fatal(err)
		}
	case want != string(text):
		t.Error("the script in ssm/command.yaml is another one than ansible/files/machine.sh; go test ./payload-scripts/fleet -update writes it")
	}
}

// folder is a machine that is one.
type folder struct {
	*scratch.Machine
	t *testing.T
}

func (f folder) Put(path string, content []byte) error {
	f.Write(path, string(content))
	return nil
}

func (f folder) Script(script string) (stdout, stderr string, code int, err error) {
	f.Write("_script.sh", script)
	stdout, stderr, code = f.Run(f.t, "/bin/sh", f.Path("_script.sh"))
	return stdout, stderr, code, nil
}

// TestPlayedDocument plays the document on machines that are folders, for each task and each way in which it may end.
func TestPlayedDocument(t *testing.T) {
	t.Parallel()
	const url = "https://downloads.s3.eu-west-1.amazonaws.com/upgrades/p-upgrade-4.2.0.rpm"
	file, digest := scratch.Bundle(t, "1")
	for name, c := range map[string]struct {
		task, url, digest string
		files             map[string]string
		code              int
		out, err          string
	}{
		"check":              {task: "check", out: `"verdict": "ready"`},
		"refused":            {task: "check", files: map[string]string{"refuse": "no room"}, code: 3, out: `"verdict": "refused"`},
		"rehearse":           {task: "rehearse", out: `"window": "3s"`},
		"upgrade":            {task: "upgrade", out: `"outcome": "upgraded"`},
		"rolled back":        {task: "upgrade", files: map[string]string{"fails": "4 the door"}, code: 4, out: `"error": "the door"`},
		"agents are pending": {task: "upgrade", files: map[string]string{"fails": "6"}, out: `"code": 6`},
		"agents":             {task: "agents", out: `"stage": "agents", "code": 0, "changed": true`},
		"report":             {task: "report", out: `"outcome": "not-started"`},
		"summary":            {task: "summary", out: `"todo": "start it"`},
		"another file":       {task: "upgrade", digest: strings.Repeat("0", 64), code: 1, err: "nothing was kept"},
		"no file":            {task: "upgrade", url: "https://downloads.s3.amazonaws.com/other.rpm", code: 1, err: "no such file"},
		"no task":            {task: "check; reboot", code: -1, err: "parameter Task"},
		"no digest":          {task: "check", digest: "'; reboot #", code: -1, err: "parameter BundleSha256"},
		"no address":         {task: "check", url: `https://x.amazonaws.com/"}; .rpm`, code: -1, err: "parameter BundleUrl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := scratch.New(t)
			for path, text := range c.files {
				m.Write(path, text+"\n")
			}
			values := map[string]string{"Task": c.task, "BundleUrl": url, "BundleSha256": digest}
			if c.url != "" {
				values["BundleUrl"] = c.url
			}
			if c.digest != "" {
				values["BundleSha256"] = c.digest
			}
			p, err := readCommand(t).Play(folder{m, t}, map[string]string{url: file}, values)
			if err != nil {
				t.Fatal(err)
			}
			if p.Code != c.code || !strings.Contains(p.Stdout, c.out) || !strings.Contains(p.Stderr, c.err) {
				t.Errorf("exit %d, not %d:\n%s%s", p.Code, c.code, p.Stdout, p.Stderr)
			}
			if p.Stdout != "" && !json.Valid([]byte(p.Stdout)) {
				t.Errorf("what it prints is no JSON:\n%s", p.Stdout)
			}
			if left, _ := filepath.Glob(m.Path("var/lib/onerpm-fleet/incoming/*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
