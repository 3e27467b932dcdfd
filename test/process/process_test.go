package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

const checkout = "../.."

// walk is a project in which the document's commands are run.
type walk struct {
	t       *testing.T
	project string
	store   string
	env     []string
	state   string // a file with what the blocks before exported
}

// TestProcess walks through docs/process.md with nothing but the RPMs of 4.3.0, in a copy of the project.
func TestProcess(t *testing.T) {
	t.Parallel()
	w := start(t)
	checks := map[string]func(said string){
		"1. The new release (developer)/1": w.undecided,
		"1. The new release (developer)/3": func(said string) {
			w.says(said, "no mistake", "packages fit together", "cloudify-monitor", "43001_expand_secrets_hidden.sql  up")
		},
		"2. The bundle (release engineer)/1": func(said string) {
			w.says(said, "no certificate for debian12.x86_64")
			w.published(nil, []string{"4.3.0-1"})
		},
		"3. Certification (QA)/1":               func(said string) { w.says(said, "certified: ") },
		"4. For customers (release engineer)/1": func(string) { w.published([]string{"4.3.0-1"}, []string{"4.3.0-1"}) },
		"5. Nobody is forgotten (support)/1": func(said string) {
			w.says(said, "400 of 400 customers have a way to 4.3.0", "whole: 1 bundle")
		},
		"When a published bundle is bad/1": func(string) { w.published(nil, nil) },
		"When a published bundle is bad/2": func(said string) {
			w.says(said, "goes to testing")
			w.published(nil, []string{"4.3.0-2"})
		},
	}
	count := map[string]int{}
	for _, b := range process(t).blocks {
		count[b.heading]++
		key := fmt.Sprintf("%s/%d", b.heading, count[b.heading])
		code, said := w.run(b.script)
		t.Logf("line %d, %s\n%s", b.line, b.heading, said)
		if code != 0 {
			t.Fatalf("docs/process.md:%d: exit %d", b.line, code)
		}
		if check := checks[key]; check != nil {
			check(said)
			delete(checks, key)
		}
	}
	for key := range checks {
		t.Errorf("docs/process.md has no block %s", key)
	}
}

// start copies the project, with the components that were built here, and builds the RPMs of 4.3.0.
func start(t *testing.T) *walk {
	t.Helper()
	dir := t.TempDir()
	w := &walk{t: t, project: dir + "/project", store: dir + "/store", state: dir + "/exported"}
	copyTree(t, w.project, ".git", "dist", ".cache")
	built, err := filepath.Glob(checkout + "/dist/components/*")
	if err != nil || len(built) == 0 {
		t.Fatalf("no components in dist (%v): make components", err)
	}
	if err := os.MkdirAll(w.project+"/dist/components", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range built {
		full, err := filepath.Abs(path)
		if err == nil {
			err = os.Symlink(full, filepath.Join(w.project, "dist/components", filepath.Base(path)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, private := range []string{"/keys", "/gnupg"} {
		if err := os.Mkdir(dir+private, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/keys/passphrase", []byte("only this test knows it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, what := range [][]string{{"--kill", "all"}, {"--remove-socketdir"}} {
			if out, err := exec.Command("gpgconf", append([]string{"--homedir", dir + "/gnupg"}, what...)...).CombinedOutput(); err != nil {
				t.Errorf("end gpg's agent: %v\n%s", err, out)
			}
		}
	})
	w.env = append(os.Environ(), "RPMS="+newRelease(t, dir), "KEYS="+dir+"/keys", "GNUPGHOME="+dir+"/gnupg", "STORE="+w.store, "DATABASE="+database(t),
		// the jumps before were never published in this store
		"LEFT=--accept 3.4.2-4.0.1 --accept 4.0.1-4.1.1 --accept 4.1.1-4.2.0")
	return w
}

// database is what the document calls a copy of a customer's.
func database(t *testing.T) string {
	t.Helper()
	server, err := pgserver.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	name, err := server.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	err = schema.Create(t.Context(), conn, schema.Options{Release: "4.2.0", Upgraded: true, Password: "of no account"})
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return server.DSN(name)
}

// copyTree copies the checkout without some of its folders.
func copyTree(t *testing.T, to string, without ...string) {
	t.Helper()
	entries, err := os.ReadDir(checkout)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if slices.Contains(without, e.Name()) {
			continue
		}
		copyOne(t, e.Name(), to)
	}
}

// copyOne copies a file or a folder of the checkout.
func copyOne(t *testing.T, name, to string) {
	t.Helper()
	from := filepath.Join(checkout, name)
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(filepath.Join(to, name), os.DirFS(from))
	} else if err == nil {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = errors.Join(os.MkdirAll(to, 0o755), os.WriteFile(filepath.Join(to, name), text, info.Mode()))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// newRelease is what the developers do: the demo product's sources with their change, built as 4.3.0.
func newRelease(t *testing.T, dir string) string {
	t.Helper()
	sources, out := dir+"/sources", dir+"/rpms"
	for _, name := range []string{"go.mod", "go.sum", "internal", "versions", "test/product"} {
		copyOne(t, name, sources)
	}
	patch, err := filepath.Abs("testdata/4.3.0.patch")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"git", "apply", patch},
		{"go", "run", "./test/product/components", "--out", out, "4.3.0"},
	} {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = sources
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, text)
		}
	}
	return out + "/4.3.0"
}

// run runs a block in the project, after those before it, and returns its exit code and both outputs.
func (w *walk) run(script string) (code int, said string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "bash", "-c",
		"set -euo pipefail\n[ ! -e "+w.state+" ] || . "+w.state+"\n"+script+"\nexport -p >"+w.state+"\n")
	cmd.Dir, cmd.Env = w.project, w.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func (w *walk) says(said string, want ...string) {
	w.t.Helper()
	for _, s := range want {
		if !strings.Contains(said, s) {
			w.t.Errorf("it does not say %q", s)
		}
	}
}

// undecided wants check to name what the document then decides, and nothing else.
func (w *walk) undecided(string) {
	w.t.Helper()
	code, said := w.run("bundler check")
	if code != 3 || strings.Count(said, "still to be decided: ") != 3 || strings.Count(said, "no SQL after") != 2 {
		w.t.Errorf("exit %d, want 3 with three decisions and an empty migration\n%s", code, said)
	}
	if _, err := os.Stat(w.project + "/specs/4.2.0-4.3.0/certify/data.sh"); err != nil {
		w.t.Errorf("the product's checks were not carried over: %v", err)
	}
}

// published wants the store to have just these revisions.
func (w *walk) published(stable, testing []string) {
	w.t.Helper()
	code, said := w.run(`bundler list --from "$STORE" --json 2>/dev/null`)
	var front struct {
		Channels []struct {
			Channel string
			Bundles []struct {
				To       string
				Revision int
			}
		}
	}
	if err := json.Unmarshal([]byte(said), &front); code != 0 || err != nil {
		w.t.Fatalf("list: exit %d, %v\n%s", code, err, said)
	}
	want, have := map[string][]string{"stable": stable, "testing": testing}, map[string][]string{}
	for _, c := range front.Channels {
		for _, b := range c.Bundles {
			have[c.Channel] = append(have[c.Channel], fmt.Sprintf("%s-%d", b.To, b.Revision))
		}
	}
	for name := range want {
		if !slices.Equal(have[name], want[name]) {
			w.t.Errorf("%s has %v, want %v", name, have[name], want[name])
		}
	}
}
