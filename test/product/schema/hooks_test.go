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
	"onerpm/test/script"
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
	if err := script.Write(path, text); err != nil {
		h.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		h.Fatal(err)
	}
}

func (h *hooks) run(name string) (string, error) {
	h.Helper()
	return h.runWith(name, "")
}

// runWith runs a hook with an input.
func (h *hooks) runWith(name, input string) (string, error) {
	h.Helper()
	text, err := os.ReadFile("../../../specs/3.4.2-4.0.1/hooks/" + name)
	if err != nil {
		h.Fatal(err)
	}
	places := strings.NewReplacer("/etc/cloudify-upgrade/", h.root+"/", "/opt/manager/", h.root+"/", "/etc/cloudify", h.root+"/cloudify", "/root/cloudify/", h.root+"/old/",
		"/etc/passwd", h.root+"/passwd", "/etc/shadow", h.root+"/shadow", "/etc/group", h.root+"/group", "/etc/gshadow", h.root+"/gshadow")
	h.write("hooks/"+name, places.Replace(string(text)), 0o755)
	cmd := exec.CommandContext(h.Context(), filepath.Join(h.root, "hooks", name))
	cmd.Env, cmd.Dir, cmd.Stdin = h.env, "/", strings.NewReader(places.Replace(input))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// accountFiles are what useradd and userdel write, in that order.
var accountFiles = []string{"passwd", "shadow", "group", "gshadow"}

// newBootstrap is a host with accounts, and with programs that change them as those of shadow-utils do.
func newBootstrap(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{T: t, root: t.TempDir()}
	for _, file := range accountFiles {
		h.write(file, "root:x\n", 0o644)
	}
	drop := func(files string) string {
		return "#!/bin/sh\ncd " + h.root + " && sed -i '/^cfyuser:/d' " + files + "\n"
	}
	h.write("bin/getent", "#!/bin/sh\ngrep -q '^cfyuser:' "+h.root+"/passwd\n", 0o755)
	h.write("bin/useradd", "#!/bin/sh\ncd "+h.root+" && for f in passwd shadow group gshadow; do ! grep -q '^cfyuser:' $f || exit 9; echo cfyuser:x >>$f; done\n", 0o755)
	h.write("bin/userdel", drop("passwd shadow group gshadow"), 0o755)
	h.write("bin/groupdel", drop("group gshadow"), 0o755)
	h.write("bin/pwconv", drop("shadow"), 0o755)
	h.write("bin/grpconv", drop("gshadow"), 0o755)
	h.write("notes/none", "", 0o600)
	h.env = append(os.Environ(), "PATH="+h.root+"/bin:"+os.Getenv("PATH"), "ONERPM_NOTES="+h.root+"/notes", "ONERPM_BUNDLE="+h.root)
	return h
}

func (h *hooks) must(name string) {
	h.Helper()
	if out, err := h.run(name); err != nil {
		h.Fatalf("%s: %v: %s", name, err, out)
	}
}

// lines is in how many of the files the user is.
func (h *hooks) lines() (n int) {
	h.Helper()
	for _, file := range accountFiles {
		text, err := os.ReadFile(filepath.Join(h.root, file))
		if err != nil {
			h.Fatal(err)
		}
		n += strings.Count(string(text), "cfyuser:")
	}
	return n
}

// Wherever a loss of power came while the user was made or removed, the hook makes it whole, and its undo leaves no line of it.
func TestFirstJumpsUserCutOff(t *testing.T) {
	t.Parallel()
	for lost := range 1 << len(accountFiles) {
		h := newBootstrap(t)
		h.write("bin/openssl", "#!/bin/sh\nfor last; do :; done\n: >\"$last\"\nwhile [ $1 != -keyout ]; do shift; done\n: >\"$2\"\n", 0o755)
		h.must("bootstrap-undo") // nothing has begun; and the hook finds it
		h.must("bootstrap")
		for _, then := range []string{"bootstrap", "bootstrap-undo"} {
			for i, file := range accountFiles {
				if lost>>i&1 == 1 {
					h.write(file, "root:x\n", 0o644)
				}
			}
			h.write("gshadow.lock", strconv.Itoa(os.Getpid()), 0o600) // its number is another process's since
			h.must(then)
			if want := map[string]int{"bootstrap": len(accountFiles), "bootstrap-undo": 0}[then]; h.lines() != want {
				t.Errorf("%s after a loss of %04b: %d lines, want %d", then, lost, h.lines(), want)
			}
		}
		if _, err := os.Stat(filepath.Join(h.root, "gshadow.lock")); err == nil {
			t.Errorf("after a loss of %04b a lock is left", lost)
		}
	}
}

// What 4.0.1's bootstrap makes comes once, and goes again without what was there before.
func TestFirstJumpsBootstrap(t *testing.T) {
	t.Parallel()
	h := newBootstrap(t)
	must := h.must
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(h.root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	there := func(name string) bool {
		if name == "user" {
			return h.lines() == 4
		}
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
	for _, file := range accountFiles {
		h.write(file, "root:x\ncfyuser:x\n", 0o644)
	}
	h.write("cloudify/ssl/cloudify_internal_cert.pem", "mine", 0o644)
	must("bootstrap")
	must("bootstrap-undo")
	if read("cloudify/ssl/cloudify_internal_cert.pem") != "mine" || !there("user") || there("cloudify/ssl/cloudify_external_cert.pem") {
		t.Error("what was there before is not kept, or the rest is")
	}
}

// firstDatabase makes a database as hooks and migrations of the first jump do.
func firstDatabase(t *testing.T) (*hooks, *pgx.Conn) {
	t.Helper()
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
	return h, conn
}

// madeUser is a row of users with what belongs to it.
type madeUser struct {
	name, password, key, roles, tenants string
	active                              bool
}

// usersOf are the users of a database, by name.
func usersOf(t *testing.T, conn *pgx.Conn) map[string]madeUser {
	t.Helper()
	rows, err := conn.Query(context.Background(), `SELECT username, coalesce(password, ''), api_token_key, active,
		(SELECT string_agg(name, ',') FROM roles r JOIN users_roles x ON x.role_id = r.id WHERE x.user_id = u.id),
		(SELECT string_agg(name, ',') FROM tenants t JOIN users_tenants x ON x.tenant_id = t.id WHERE x.user_id = u.id) FROM users u`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]madeUser{}
	for rows.Next() {
		var u madeUser
		if err := rows.Scan(&u.name, &u.password, &u.key, &u.active, &u.roles, &u.tenants); err != nil {
			t.Fatal(err)
		}
		if _, twice := found[u.name]; twice {
			t.Errorf("%s is there twice", u.name)
		}
		found[u.name] = u
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// The first jump lets in who was named where nobody was asked before, and keeps the key of its tokens when it runs again.
func TestFirstJumpsAdministrator(t *testing.T) {
	t.Parallel()
	h, conn := firstDatabase(t)
	const off = `{"/opt/manager/rest-security.conf": {"enabled": false, "admin_username": "admin", "admin_password": "old", "userstore_driver": {"implementation":
		"flask_securest.userstores.simple:SimpleUserstore", "properties": {"userstore": {"users": [{"username": "nobody", "password": "x"}]}}}}, "/opt/manager/userstore.yaml": null}`
	h.write("administrator", "o'admin\nit's \\secret ü\n", 0o600)
	var before string
	for range 2 {
		if out, err := h.runWith("users", off); err != nil || out != "" {
			t.Fatalf("%v: %s", err, out)
		}
		all := usersOf(t, conn)
		u := all["o'admin"]
		if len(all) != 1 || !u.active || u.roles != "admin" || !account.CheckPassword(security, u.password, `it's \secret ü`) || account.CheckPassword(security, u.password, "another") {
			t.Errorf("%+v does not get in with the password that was given", all)
		}
		if len(u.key) != 32 || before != "" && u.key != before {
			t.Errorf("the token key %q is not kept", u.key)
		}
		before = u.key
	}
	if out, err := h.run("users-undo"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Where 3.4.2 asked for a password, its users come with it, whatever they are called, each once.
func TestFirstJumpsUsers(t *testing.T) {
	t.Parallel()
	h, conn := firstDatabase(t)
	long := strings.Repeat("l", 256)
	store := `{"users": [{"username": "admin", "password": "another", "groups": ["viewers"]},
		{"username": "x'; DROP TABLE users; --", "password": "a'b\\c", "groups": ["root", "viewers"]}, {"username": "\u00fc \"q\" \\", "password": "p", "roles": ["deployer"]},
		{"username": "twice", "password": "first", "roles": "administrator"}, {"username": "twice", "password": "second"},
		{"username": "bare"}, {"username": "number", "password": 5}, {"username": ""}, {"username": "a\u0000b", "password": "p"}, {"username": "` + long + `", "password": "p"}],
		"groups": [{"name": "root", "roles": ["administrator"]}, {"name": "viewers", "roles": ["viewer"]}]}`
	input := func(driver, scheme, file string) string {
		return `{"/opt/manager/rest-security.conf": {"enabled": true, "admin_username": "admin", "admin_password": "old'\u00fc", "userstore_driver": ` + driver +
			`, "authentication_providers": [{"properties": {"password_hash": "` + scheme + `"}}, {"properties": {"secret_key": "k"}}]}, "/opt/manager/userstore.yaml": ` + file + `}`
	}
	inline := `{"implementation": "flask_securest.userstores.simple:SimpleUserstore", "properties": {"userstore": ` + store + `}}`
	inFile := `{"implementation": "flask_securest.userstores.file_userstore:FileUserstore", "properties": {"userstore_file_path": "/opt/manager/userstore.yaml"}}`
	for name, c := range map[string]struct {
		input  string
		active bool // users other than the administrator
		users  int
	}{
		"inline": {input(inline, "plaintext", "null"), true, 6}, "file": {input(inFile, "plaintext", store), true, 6},
		"hashed": {input(inline, "bcrypt", "null"), false, 6}, "foreign": {input(`{"implementation": "ldap:Users"}`, "plaintext", store), false, 1},
	} {
		var out string
		for range 2 {
			var err error
			if out, err = h.runWith("users", c.input); err != nil {
				t.Fatalf("%s: %v: %s", name, err, out)
			}
		}
		all := usersOf(t, conn)
		if u := all["admin"]; len(all) != c.users || !u.active || u.roles != "admin" || u.tenants != "default_tenant" || !account.CheckPassword(security, u.password, "old'ü") {
			t.Errorf("%s: %+v", name, all)
		}
		for user, want := range map[string]struct{ password, role string }{
			"x'; DROP TABLE users; --": {`a'b\c`, "admin"}, `ü "q" \`: {"p", "user"}, "twice": {"first", "admin"}, "bare": {"", "user"}, "number": {"", "user"},
		} {
			u, made := all[user]
			active := c.active && want.password != ""
			if made != (c.users > 1) || made && (u.active != active || active != account.CheckPassword(security, u.password, want.password) || u.roles != want.role || u.tenants != "default_tenant" || len(u.key) != 32) {
				t.Errorf("%s: %s: %+v", name, user, u)
			}
		}
		if told := c.users > 1 && (strings.Count(out, "left out") != 3 || !strings.Contains(out, "'twice' gets the role admin")); told || strings.Contains(out, "second") {
			t.Errorf("%s: it says %s", name, out)
		}
		if _, err := conn.Exec(context.Background(), "DELETE FROM users_roles WHERE user_id > 0; DELETE FROM users_tenants WHERE user_id > 0; DELETE FROM users WHERE id > 0"); err != nil {
			t.Fatal(err)
		}
	}
}
