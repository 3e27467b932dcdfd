package fleet

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"onerpm/test/fleet/scratch"
)

var update = flag.Bool("update", false, "write machine.sh into the Command document")

// parameter is one of a document, of either kind.
type parameter struct {
	Type           string   `yaml:"type"`
	Description    string   `yaml:"description"`
	Default        string   `yaml:"default"`
	AllowedValues  []string `yaml:"allowedValues"`
	AllowedPattern string   `yaml:"allowedPattern"`
}

// command is a document for Run Command, schema version 2.2, as far as this project writes any: what AWS's pages say a
// document of that version has, and nothing else. No schema of AWS's own for it can be had.
type command struct {
	SchemaVersion string               `yaml:"schemaVersion"`
	Description   string               `yaml:"description"`
	Parameters    map[string]parameter `yaml:"parameters"`
	MainSteps     []commandStep        `yaml:"mainSteps"`
}

type commandStep struct {
	Name         string `yaml:"name"`
	Action       string `yaml:"action"`
	Precondition struct {
		StringEquals []string `yaml:"StringEquals"`
	} `yaml:"precondition"`
	Inputs map[string]any `yaml:"inputs"`
}

var inputs = map[string][]string{ // of the two plugins that are used: those that must be given
	"aws:downloadContent": {"destinationPath", "sourceInfo", "sourceType"},
	"aws:runShellScript":  {"runCommand", "timeoutSeconds"},
}

func readCommand(t *testing.T) command {
	t.Helper()
	text, err := os.ReadFile("ssm/command.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c command
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
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

// allows says what is wrong with the values of parameters; SSM begins nothing then.
func (c command) allows(values map[string]string) error {
	for name, p := range c.Parameters {
		v := values[name]
		if p.AllowedPattern != "" && !regexp.MustCompile(p.AllowedPattern).MatchString(v) || p.AllowedValues != nil && !slices.Contains(p.AllowedValues, v) {
			return fmt.Errorf("parameter %s: %q is not allowed", name, v)
		}
	}
	return nil
}

// substitute is what SSM makes of a text with parameters.
func (c command) substitute(t *testing.T, text string, values map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\{\{ *(\w+) *\}\}`).ReplaceAllStringFunc(text, func(found string) string {
		name := strings.Trim(found, "{} ")
		if _, ok := c.Parameters[name]; !ok {
			t.Errorf("there is no parameter %s", name)
		}
		return values[name]
	})
}

// play does the document's steps on a machine as what runs there for SSM does, with a file in place of a bucket.
func (c command) play(t *testing.T, m *scratch.Machine, bucket map[string]string, values map[string]string) (stdout, stderr string, code int) {
	t.Helper()
	if err := c.allows(values); err != nil {
		return "", err.Error(), -1
	}
	text := func(v any) string {
		s, ok := v.(string)
		if !ok {
			t.Fatalf("%v is no text", v)
		}
		return c.substitute(t, s, values)
	}
	for _, step := range c.MainSteps {
		switch step.Action {
		case "aws:downloadContent":
			var from struct {
				Path string `json:"path"`
			}
			if err := json.Unmarshal([]byte(text(step.Inputs["sourceInfo"])), &from); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(bucket[from.Path])
			if err != nil {
				return "", err.Error(), 1
			}
			m.Write(text(step.Inputs["destinationPath"]), string(content))
		case "aws:runShellScript":
			lines, ok := step.Inputs["runCommand"].([]any)
			script := ""
			for _, l := range lines {
				script += text(l) + "\n"
			}
			if !ok {
				t.Fatalf("step %s has no script", step.Name)
			}
			m.Write("_script.sh", script)
			stdout, stderr, code = m.Run(t, "/bin/sh", m.Path("_script.sh"))
		}
	}
	return stdout, stderr, code
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
			out, errs, code := readCommand(t).play(t, m, map[string]string{url: file}, values)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
				t.Errorf("exit %d, not %d:\n%s%s", code, c.code, out, errs)
			}
			if out != "" && !json.Valid([]byte(out)) {
				t.Errorf("what it prints is no JSON:\n%s", out)
			}
			if left, _ := filepath.Glob(m.Path("var/lib/onerpm-fleet/incoming/*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
