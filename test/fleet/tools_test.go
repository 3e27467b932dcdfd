package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool runs a program of the newest virtual environment in a copy of the collection, as it would be installed.
func tool(t *testing.T, name string, args ...string) (string, int) {
	t.Helper()
	f := &fleet{t: t, core: "newest", dir: t.TempDir()}
	at := filepath.Join(f.dir, "collections/ansible_collections/onerpm/fleet")
	if err := os.CopyFS(at, os.DirFS(f.project(collection))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), f.project(".cache/ansible/newest/bin/"+name), args...)
	cmd.Env, cmd.Dir = append(f.environment(), "ANSIBLE_CONFIG="), at
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("%v; make test-fleet installs it", err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestLint holds the collection to the strictest profile of ansible-lint.
func TestLint(t *testing.T) {
	t.Parallel()
	out, code := tool(t, "ansible-lint", "--offline", "--profile", "production", "--nocolor")
	if code != 0 || !strings.Contains(out, "Profile 'production' was required, and it passed") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// TestDocumentation: the programs that people ask know the modules, the role and the callback.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	for kind, names := range map[string][]string{
		"module": {"check", "upgrade", "report", "agents"}, "role": {"upgrade"}, "callback": {"summary"},
	} {
		for _, name := range names {
			out, code := tool(t, "ansible-doc", "-t", kind, "onerpm.fleet."+name)
			if code != 0 || !strings.Contains(out, "onerpm.fleet."+name) && !strings.Contains(out, strings.ToUpper("onerpm.fleet."+name)) || strings.Contains(out, "WARNING") {
				t.Errorf("%s %s: exit %d\n%s", kind, name, code, out)
			}
			if kind == "module" && (!strings.Contains(out, "sha256") || name != "report" && !strings.Contains(out, "link_timeout")) {
				t.Errorf("%s has not the options that all have:\n%s", name, out)
			}
		}
	}
}

// TestBuild: the collection is whole when it is built and installed without a network.
func TestBuild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, code := tool(t, "ansible-galaxy", "collection", "install", ".", "--force", "-p", dir)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for _, file := range []string{"files/machine.sh", "playbooks/upgrade.yml", "plugins/action/upgrade.py", "roles/upgrade/meta/argument_specs.yml"} {
		if _, err := os.Stat(filepath.Join(dir, "ansible_collections/onerpm/fleet", file)); err != nil {
			t.Error(err)
		}
	}
}

// validate compares a document with a schema, and prints each place where it differs.
const validate = `
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1]))
errors = list(jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(open(sys.argv[2]))))
for e in errors: print("/".join(map(str, e.path)), e.message)
sys.exit(1 if errors else 0)
`

// TestAutomation holds the Automation document against AWS's own schema, and shows that the schema finds a mistake.
func TestAutomation(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, dir: t.TempDir()}
	schema := f.project(".cache/ssm/node_modules/aws-ssm-document-language-service/dist/schema.json")
	document := f.project("payload-scripts/fleet/ssm/automation.yaml")
	if out, code := tool(t, "python", "-c", validate, schema, document); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	f.write("wrong.yaml", strings.Replace(string(text), "onFailure: Abort", "onFailure: Stop", 1))
	if out, code := tool(t, "python", "-c", validate, schema, f.dir+"/wrong.yaml"); code != 1 || !strings.Contains(out, "mainSteps/0/onFailure") {
		t.Errorf("a wrong document: exit %d\n%s", code, out)
	}
}

// TestSanity runs the tests of ansible-test that need no network; the others fetch programs from a place of Ansible's own.
func TestSanity(t *testing.T) {
	t.Parallel()
	args := []string{"sanity", "--local", "--python", "3.11", "--color", "no"}
	for _, name := range []string{
		"action-plugin-docs", "changelog", "compile", "empty-init", "ignores", "line-endings", "no-assert", "no-get-exception", "no-illegal-filenames",
		"no-smart-quotes", "replace-urlopen", "shebang", "symlinks", "use-argspec-type-path", "use-compat-six",
	} {
		args = append(args, "--test", name)
	}
	if out, code := tool(t, "ansible-test", args...); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
}
