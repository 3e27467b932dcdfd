package schema_test

import (
	"context"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/pgserver"
)

// hooks runs the hooks of the first jump with another folder in place of the host's, and as the server's own user.
type hooks struct {
	*testing.T
	root string
	env  []string
}

func newHooks(t *testing.T, server *pgserver.Server) *hooks {
	t.Helper()
	h := &hooks{T: t, root: t.TempDir()}
	h.write("bin/runuser", "#!/bin/sh\nshift 3\nexec \"$@\"\n", 0o755)
	h.env = append(os.Environ(), "PATH="+h.root+"/bin:"+os.Getenv("PATH"), "PGHOST=127.0.0.1", "PGUSER=super", "PGPORT="+strconv.Itoa(server.Port))
	return h
}

func (h *hooks) write(name, text string, mode os.FileMode) {
	h.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		h.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		h.Fatal(err)
	}
}

func (h *hooks) run(name string) (string, error) {
	h.Helper()
	text, err := os.ReadFile("../../../specs/3.4.2-4.0.1/hooks/" + name)
	if err != nil {
		h.Fatal(err)
	}
	places := strings.NewReplacer("/etc/cloudify-upgrade/", h.root+"/", "/opt/manager/", h.root+"/", "/etc/cloudify", h.root+"/cloudify", "/root/cloudify/", h.root+"/old/")
	h.write("hooks/"+name, places.Replace(string(text)), 0o755)
	cmd := exec.CommandContext(h.Context(), filepath.Join(h.root, "hooks", name))
	cmd.Env, cmd.Dir = h.env, "/"
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// What 4.0.1's bootstrap makes comes once, and goes again without what was there before.
func TestFirstJumpsBootstrap(t *testing.T) {
	t.Parallel()
	h := &hooks{T: t, root: t.TempDir()}
	h.write("bin/getent", "#!/bin/sh\n[ -e "+h.root+"/user ]\n", 0o755)
	h.write("bin/useradd", "#!/bin/sh\n: >"+h.root+"/user\n", 0o755)
	h.write("bin/userdel", "#!/bin/sh\nrm "+h.root+"/user\n", 0o755)
	h.write("notes/none", "", 0o600)
	h.env = append(os.Environ(), "PATH="+h.root+"/bin:"+os.Getenv("PATH"), "ONERPM_NOTES="+h.root+"/notes")
	must := func(name string) {
		t.Helper()
		if out, err := h.run(name); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(h.root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(h.root, name))
		return err == nil
	}
	h.write("old/server.crt", "the customer's certificate", 0o644)
	h.write("old/server.key", "the customer's key", 0o600)
	must("bootstrap")
	pair, err := tls.LoadX509KeyPair(h.root+"/cloudify/ssl/cloudify_internal_cert.pem", h.root+"/cloudify/ssl/cloudify_internal_key.pem")
	if err != nil || pair.Leaf.VerifyHostname("127.0.0.1") != nil || pair.Leaf.VerifyHostname("localhost") != nil {
		t.Errorf("the internal certificate: %v", err)
	}
	internal, external := read("cloudify/ssl/cloudify_internal_cert.pem"), read("cloudify/ssl/cloudify_external_cert.pem")
	must("bootstrap")
	if read("cloudify/ssl/cloudify_internal_cert.pem") != internal || external != "the customer's certificate" || read("cloudify/ssl/cloudify_external_key.pem") != "the customer's key" || !there("user") || !there("cloudify/.pgpass") {
		t.Error("it is not made once, or not all of it")
	}
	left, err := filepath.Glob(h.root + "/cloudify/ssl/.*")
	if err != nil || len(left) > 0 {
		t.Errorf("it leaves %q, %v", left, err)
	}
	for range 2 {
		must("bootstrap-undo")
	}
	if there("cloudify") || there("user") {
		t.Error("the way back leaves some of it")
	}
	// a host that has some of it already keeps that
	if err := os.RemoveAll(h.root + "/notes"); err != nil {
		t.Fatal(err)
	}
	h.write("notes/none", "", 0o600)
	h.write("user", "", 0o600)
	h.write("cloudify/ssl/cloudify_internal_cert.pem", "mine", 0o644)
	must("bootstrap")
	must("bootstrap-undo")
	if read("cloudify/ssl/cloudify_internal_cert.pem") != "mine" || !there("user") || there("cloudify/ssl/cloudify_external_cert.pem") {
		t.Error("what was there before is not kept, or the rest is")
	}
}

// The first jump makes the database, and lets in who was named, and nobody before.
func TestFirstJumpsHooks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server, err := pgserver.Start(ctx) // a database has one name on a server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	h := newHooks(t, server)
	refused := func(why string) {
		t.Helper()
		if out, err := h.run("database"); err == nil || !strings.Contains(out, why) {
			t.Errorf("%v, %s; want a word about %s", err, out, why)
		}
	}
	refused("must be a file of root's alone")
	h.write("administrator", "o'admin\n", 0o644)
	refused("must be a file of root's alone")
	h.write("administrator", "o'admin\n", 0o600)
	refused("lacks the administrator's name")
	h.write("administrator", "o'admin\nit's \\secret ü\n", 0o600)
	for range 2 { // it may have run before
		if out, err := h.run("database"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	conn, err := pgx.Connect(ctx, server.As("cloudify", "cloudify_db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for _, up := range firstMigrations(t) {
		if _, err := conn.Exec(ctx, up[0]); err != nil {
			t.Fatal(err)
		}
	}
	h.write("rest-security.conf", `{"hash_salt": "salt", "encoding_alphabet": "0123456789"}`, 0o640)
	var before string
	for range 2 {
		if out, err := h.run("administrator"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var name, password, key string
		if err := conn.QueryRow(ctx, "SELECT username, password, api_token_key FROM users WHERE active").Scan(&name, &password, &key); err != nil {
			t.Fatal(err)
		}
		if name != "o'admin" || !account.CheckPassword(security, password, `it's \secret ü`) || account.CheckPassword(security, password, "another") {
			t.Errorf("%s does not get in with the password that was given", name)
		}
		if len(key) != 32 || before != "" && key != before {
			t.Errorf("the token key %q is not kept", key)
		}
		before = key
	}
	if out, err := h.run("administrator-undo"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
