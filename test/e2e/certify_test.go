package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/platforms"
)

const (
	project  = "../.."
	platform = host.Usual + ".x86_64"
)

// bundlerProgram builds the bundler from what is there now.
func bundlerProgram(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bundler")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, "./bundler")
	cmd.Dir = project
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the bundler: %v\n%s", err, text)
	}
	return out
}

// runs runs a program in a folder and returns its exit code and both outputs.
func runs(t *testing.T, dir, program string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", program, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// certified is what the test reads of `certify --json`.
type certified struct {
	Outcome   string
	File      string
	Scenarios []struct {
		Name, Outcome, Reason string
		Window                float64
		Load                  *struct{ Good, Writes int }
		Back                  *crowdSaw `json:"clients_back"`
		Clients               *crowdSaw
	}
}

// crowdSaw is what clients saw.
type crowdSaw struct {
	Requests, Failed, Cut int
	Longest               float64
}

// TestCertify certifies a bundle by all scenarios, each on a machine of its own, and publishes it: as stable when all platforms of its release
// have a certificate.
func TestCertify(t *testing.T) {
	t.Parallel()
	names, err := platforms.Named()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		names = platforms.Usual
	}
	bundler := bundlerProgram(t)
	for _, c := range []struct {
		to          string
		on, release []string // where it is certified, and the platforms of its release
	}{
		{"4.2.0", names, host.Platforms()},                    // within PostgreSQL
		{"4.0.1", []string{host.Usual}, []string{host.Usual}}, // out of Elasticsearch, with what only an admin can say
	} {
		t.Run(c.to, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copied := filepath.Join(dir, filepath.Base(bundle(t, c.to)))
			for _, more := range []string{"", ".sha256", ".cdx.json", ".intoto.json", ".intoto.json.asc"} {
				copyTo(t, bundle(t, c.to)+more, copied+more)
			}
			for _, name := range c.on {
				certify(t, bundler, copied, name+".x86_64")
			}
			store := filepath.Join(dir, "store")
			code, out, told := runs(t, project, bundler, "publish", copied, "--to", store)
			channel := "stable"
			for _, name := range c.release {
				lacks := !slices.Contains(c.on, name)
				if lacks {
					channel = "testing"
				}
				if strings.Contains(out+told, "no certificate for "+name+".x86_64") != lacks {
					t.Errorf("publish does not say of %s what is so: lacks a certificate: %v", name, lacks)
				}
			}
			if code != 0 || !strings.Contains(out, "published in "+channel) {
				t.Errorf("publish: exit %d, want it in %s\n%s\n%s", code, channel, out, told)
			}
			if code, out, told := runs(t, project, bundler, "verify", "--from", store); code != 0 {
				t.Errorf("verify: exit %d\n%s\n%s", code, out, told)
			}
		})
	}
}

// TestCertifyBetween certifies the jump between those two, by the scenarios that look at the whole machine and that write: services and ports come with it.
func TestCertifyBetween(t *testing.T) {
	t.Parallel()
	bundler := bundlerProgram(t)
	copied := filepath.Join(t.TempDir(), filepath.Base(bundle(t, "4.1.1")))
	copyTo(t, bundle(t, "4.1.1"), copied)
	code, out, told := runs(t, project, bundler, "certify", copied, "--local", "--platform", host.Usual+".x86_64", "--only", "fresh", "--only", "load", "--json")
	var c certified
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 || len(c.Scenarios) != 2 {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, told)
	}
	if load := c.Scenarios[1].Load; load == nil || load.Writes == 0 {
		t.Errorf("nothing was written:\n%s", out)
	}
}

// certify certifies a bundle on machines of a platform.
func certify(t *testing.T, bundler, copied, platform string) {
	t.Helper()
	code, out, told := runs(t, project, bundler, "certify", copied, "--local", "--platform", platform, "--json")
	if code != 0 {
		t.Fatalf("%s: exit %d\n%s\n%s", platform, code, out, told)
	}
	var c certified
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Scenarios {
		names = append(names, s.Name)
		if s.Outcome != "passed" || s.Window <= 0 != (s.Name == "refused") {
			t.Errorf("%+v", s)
		}
		if s.Load != nil && (s.Load.Good == 0 || s.Load.Writes == 0) {
			t.Errorf("the clients saw %+v", s.Load)
		}
		for _, saw := range []*crowdSaw{s.Back, s.Clients} {
			if (saw != nil) != (s.Name == "clients") || saw != nil && (saw.Requests < 100 || saw.Failed != saw.Cut || saw.Longest == 0) {
				t.Errorf("%s: clients saw %+v", s.Name, saw)
			} else if saw != nil {
				t.Logf("clients saw %+v", *saw)
			}
		}
	}
	if want := []string{"fresh", "interrupted", "failing", "refused", "load", "clients", "way-back", "second-run", "agents"}; !slices.Equal(names, want) || c.Outcome != "passed" {
		t.Errorf("%s: the scenarios are %v", c.Outcome, names)
	}
	if want := copied + ".certificate." + platform + ".intoto.json"; c.File != want {
		t.Errorf("the certificate is %s, want %s", c.File, want)
	}
	t.Log(told)
}

// fault is a mistake of a release engineer that only a real upgrade shows.
type fault struct {
	name       string
	from, to   string   // the jump
	scenario   string   // that shows it
	path, text string   // a file of the project
	old, new   string   // what is replaced in it, when it is there already
	says       []string // of the reason
}

var faults = []fault{
	{
		name: "a unit that does not start", from: "4.1.1", to: "4.2.0", scenario: "fresh",
		path: "versions/4.2.0/config/usr/lib/systemd/system/cloudify-composer.service",
		old:  "/usr/sbin/nginx -c /opt/cloudify-composer/nginx.conf\nRestart=on-failure", new: "/usr/sbin/no-nginx\nRestart=no",
		says: []string{"fresh: failed", "the upgrade ended with exit code 4, want 0", "cloudify-composer"},
	},
	{
		name: "a migration that loses rows", from: "4.1.1", to: "4.2.0", scenario: "fresh",
		path: "specs/4.1.1-4.2.0/migrations/42054_switch_tidy.sql",
		text: "-- +goose Up\nDELETE FROM events WHERE _storage_id % 2 = 0;\n-- +goose Down\nSELECT 1;\n",
		says: []string{"fresh: failed", "the new release is not whole: table manager public.events has ", " rows after the migrations, it had "},
	},
	{
		name: "a column of documents that is read from another field", from: "3.4.2", to: "4.0.1", scenario: "fresh",
		path: "specs/3.4.2-4.0.1/upgrade.yaml",
		old:  "message: { from: message.text }", new: "message: { from: event_type }",
		says: []string{"fresh: failed", "data.sh after", "gone: events ", "new: events "},
	},
	{
		name: "a hook that leaves a user behind", from: "3.4.2", to: "4.0.1", scenario: "way-back",
		path: "specs/3.4.2-4.0.1/hooks/bootstrap-undo",
		old:  "if made user; then", new: "if false; then",
		says: []string{"way-back: failed", "the old release is not whole: ", "user cfyuser is new: ", "data.sh back", "new: cfyuser:"},
	},
}

// TestCertifyFindsFaults builds bundles with mistakes and wants each told, by the scenario that shows it.
func TestCertifyFindsFaults(t *testing.T) {
	t.Parallel()
	bundler := bundlerProgram(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			dir := f.project(t)
			engine, err := filepath.Abs(project + "/dist/engine")
			if err != nil {
				t.Fatal(err)
			}
			if code, _, told := runs(t, dir, bundler, "build", f.from+"-"+f.to, "--engine", engine); code != 0 {
				t.Fatalf("build: exit %d\n%s", code, told)
			}
			m := host.Start(t, host.Options{Release: f.from, Data: true})
			via, err := m.Prefix()
			if err != nil {
				t.Fatal(err)
			}
			code, out, told := runs(t, dir, bundler, "certify", "dist/"+filepath.Base(bundle(t, f.to)), "--via", via, "--platform", platform, "--only", f.scenario, "--json")
			if code != 14 || !strings.Contains(told, " fails on "+platform+": "+f.scenario) {
				t.Errorf("exit %d, want 14\n%s", code, told)
			}
			var c certified
			if err := json.Unmarshal([]byte(out), &c); err != nil {
				t.Fatalf("%v\n%s", err, told)
			}
			reason := ""
			for _, s := range c.Scenarios {
				reason += s.Name + ": " + s.Outcome + ": " + s.Reason
			}
			for _, want := range f.says {
				if !strings.Contains(reason, want) {
					t.Errorf("it does not say %q:\n%s", want, reason)
				}
			}
			t.Log(reason)
			if left, _ := filepath.Glob(dir + "/dist/*.certificate.*"); len(left) > 0 {
				t.Errorf("a certificate of one scenario: %v", left)
			}
		})
	}
}

// project is a copy of the project with the fault in it.
func (f fault) project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"versions", "specs", "test/keys"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(project, folder))); err != nil {
			t.Fatal(err)
		}
	}
	components, err := filepath.Abs(project + "/dist/components")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(components, filepath.Join(dir, "dist/components")); err != nil {
		t.Fatal(err)
	}
	path, text := filepath.Join(dir, f.path), f.text
	if f.old != "" {
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text = strings.ReplaceAll(string(was), f.old, f.new); text == string(was) {
			t.Fatalf("%s has no %q", f.path, f.old)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Link(from, to); err == nil {
		return
	}
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
