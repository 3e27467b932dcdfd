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

	"onerpm/test/docs"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

const checkout = "../.."

// walk is a project in which the document's commands are run.
type walk struct {
	docs.Session
	t *testing.T
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
	for _, b := range process(t).Blocks {
		count[b.Heading]++
		key := fmt.Sprintf("%s/%d", b.Heading, count[b.Heading])
		code, said := w.run(b.Text)
		t.Logf("%s, %s\n%s", b, b.Heading, said)
		if code != 0 {
			t.Fatalf("%s: exit %d", b, code)
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
	w := &walk{docs.Session{Dir: dir + "/project", State: dir + "/exported"}, t}
	docs.CopyProject(t, checkout, w.Dir)
	built, err := filepath.Glob(checkout + "/dist/components/*")
	if err != nil || len(built) == 0 {
		t.Fatalf("no components in dist (%v): make components", err)
	}
	if err := os.MkdirAll(w.Dir+"/dist/components", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range built {
		full, err := filepath.Abs(path)
		if err == nil {
			err = os.Symlink(full, filepath.Join(w.Dir, "dist/components", filepath.Base(path)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(dir+"/keys", 0o700), os.WriteFile(dir+"/keys/passphrase", []byte("only this test knows it\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.Env = append(os.Environ(), "RPMS="+newRelease(t, dir), "KEYS="+dir+"/keys", "GNUPGHOME="+docs.GPGHome(t, dir), "STORE="+dir+"/store", "DATABASE="+database(t),
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

// newRelease is what the developers do: the demo product's sources with their change, built as 4.3.0.
func newRelease(t *testing.T, dir string) string {
	t.Helper()
	sources, out := dir+"/sources", dir+"/rpms"
	for _, name := range []string{"go.mod", "go.sum", "internal", "versions", "test/product"} {
		docs.Copy(t, checkout, name, sources)
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

// run runs a block, after those before it, and returns its exit code and both outputs.
func (w *walk) run(script string) (code int, said string) {
	w.t.Helper()
	code, said, err := w.Run(w.t.Context(), script)
	if err != nil {
		w.t.Fatal(err)
	}
	return code, said
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
	if _, err := os.Stat(w.Dir + "/specs/4.2.0-4.3.0/certify/data.sh"); err != nil {
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
