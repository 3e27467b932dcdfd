package product_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/rendered"
	"onerpm/test/product/internal/sample"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/pgserver"
	"onerpm/test/product/schema"
)

const adminPassword = "pass of the admin"

var (
	postgres *pgserver.Server
	node     *elasticsearch.Node
	programs string // folder of <release>/<program>
	releases = product.OnPostgreSQL()
)

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if postgres, err = pgserver.Start(ctx); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := postgres.Stop(); err == nil {
			err = stopErr
		}
	}()
	if node, err = elasticsearch.Start(ctx, elasticsearch.Options{}); err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := node.Stop(); err == nil {
			err = stopErr
		}
	}()
	if programs, err = os.MkdirTemp("", "product-test-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(programs)
	for _, r := range product.Releases() {
		dir := filepath.Join(programs, r.Version)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return 1, err
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "-ldflags", "-s -w -X onerpm/test/product/internal/product.Version="+r.Version,
			"./restservice", "./mgmtworker", "./cfy", "./logstash")
		if out, err := cmd.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return m.Run(), nil
}

// manager is a release's services with a database and files of their own.
type manager struct {
	*testing.T
	release  product.Release
	dir      string // stands for /
	db       *pgx.Conn
	url      string // of the REST service
	security settings.Security
}

// newManager makes a host of a release with the sample data; nothing runs yet.
func newManager(t *testing.T, release product.Release) *manager {
	t.Helper()
	m := &manager{T: t, release: release, dir: t.TempDir()}
	database, err := postgres.NewDatabase(t.Context())
	m.must(err)
	files, err := rendered.Files(release.Version, map[string]string{
		"manager_host": "127.0.0.1", "postgresql_host": postgres.Address(), "postgresql_password": "it's trusted",
		"postgresql_bin_path": "/", "rabbitmq_username": "rabbit", "rabbitmq_password": "carrot",
		"hash_salt": "salt", "secret_key": "secret", "encoding_alphabet": "0123456789abcdefxyz", "admin_password": adminPassword,
	})
	m.must(err)
	for path, body := range files {
		text := strings.NewReplacer("'/opt/manager", "'"+m.dir+"/opt/manager", "=/opt/", "="+m.dir+"/opt/",
			"'cloudify_db'", "'"+database+"'", "'cloudify'", "'super'", "'it's trusted'", "'trusted'").Replace(string(body))
		m.must(os.MkdirAll(filepath.Dir(m.dir+path), 0o755))
		m.must(os.WriteFile(m.dir+path, []byte(text), 0o644))
	}
	m.security, err = settings.ReadSecurity(m.dir + settings.SecurityPath)
	m.must(err)
	m.db, err = pgx.Connect(t.Context(), postgres.DSN(database))
	m.must(err)
	t.Cleanup(func() { m.must(m.db.Close(context.Background())) })
	m.must(schema.Create(t.Context(), m.db, schema.Options{
		Release: release.Version, Upgraded: true, Security: m.security, Password: adminPassword,
	}))
	m.must(sample.Fill(t.Context(), m.db, sample.Options{
		Release: release, Security: m.security, FileRoot: m.dir + "/opt/manager/resources", Bulk: 50, Deployments: 6, Agents: "127.0.0.1:1",
	}))
	return m
}

func (m *manager) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

// env is the environment that the unit's EnvironmentFile gives.
func (m *manager) env(unit string) []string {
	b, err := os.ReadFile(m.dir + "/etc/sysconfig/" + unit)
	m.must(err)
	return append(os.Environ(), append(strings.Split(string(b), "\n"), "MANAGER_REST_CONFIG_PATH="+m.dir+settings.RestPath)...)
}

// start runs a program until the test ends and returns once its output has a line that matches.
func (m *manager) start(unit, pattern string, args ...string) (line []string, cmd *exec.Cmd) {
	m.Helper()
	cmd = exec.CommandContext(m.Context(), filepath.Join(programs, m.release.Version, args[0]), args[1:]...)
	cmd.Env = m.env(unit)
	out, err := cmd.StderrPipe()
	m.must(err)
	m.must(cmd.Start())
	m.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said += lines.Text() + "\n"
		if line = regexp.MustCompile(pattern).FindStringSubmatch(lines.Text()); line != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return line, cmd
		}
	}
	m.Fatalf("%s ended: %s", args[0], said)
	return nil, nil
}

func (m *manager) startREST() *manager {
	m.Helper()
	line, _ := m.start("cloudify-restservice", `listening on (\S+)`, "restservice", "-b", "127.0.0.1:0", m.release.App)
	m.url = "http://" + line[1]
	return m
}

func (m *manager) startWorker() *exec.Cmd {
	m.Helper()
	_, cmd := m.start("cloudify-mgmtworker", `ready`, "mgmtworker")
	return cmd
}

// caller is who asks, and in which tenant.
type caller struct{ user, password, token, tenant string }

var admin = caller{user: "admin", password: adminPassword, tenant: "default_tenant"}

func as(user, tenant string) caller {
	return caller{user: user, password: sample.Password(user), tenant: tenant}
}

type answer map[string]any

// ask sends a request and checks the status.
func (m *manager) ask(c caller, want int, method, path string, body any) answer {
	m.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		text = b
	default:
		var err error
		text, err = json.Marshal(b)
		m.must(err)
	}
	req, err := http.NewRequestWithContext(m.Context(), method, m.url+path, bytes.NewReader(text))
	m.must(err)
	if c.user != "" {
		req.SetBasicAuth(c.user, c.password)
	}
	if c.token != "" {
		req.Header.Set("Authentication-Token", c.token)
	}
	if c.tenant != "" {
		req.Header.Set("Tenant", c.tenant)
	}
	resp, err := http.DefaultClient.Do(req)
	m.must(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	m.must(err)
	if resp.StatusCode != want {
		m.Fatalf("%s %s as %s: %d, want %d: %s", method, path, c.user, resp.StatusCode, want, b)
	}
	var a answer
	if len(b) > 0 && b[0] == '{' {
		m.must(json.Unmarshal(b, &a))
	}
	if want >= 400 {
		for _, key := range []string{"message", "error_code", "server_traceback"} {
			if _, ok := a[key]; !ok {
				m.Errorf("%s %s: an error without %s: %s", method, path, key, b)
			}
		}
	}
	return a
}

func (m *manager) list(c caller, path string) (items []answer, total int) {
	m.Helper()
	a := m.ask(c, http.StatusOK, "GET", "/api/v3.1/"+path, nil)
	b, err := json.Marshal(a["items"])
	m.must(err)
	m.must(json.Unmarshal(b, &items))
	total = int(a["metadata"].(map[string]any)["pagination"].(map[string]any)["total"].(float64))
	return items, total
}

func (m *manager) count(sql string, args ...any) (n int) {
	m.Helper()
	m.must(m.db.QueryRow(m.Context(), sql, args...).Scan(&n))
	return n
}

func (m *manager) exec(sql string, args ...any) {
	m.Helper()
	_, err := m.db.Exec(m.Context(), sql, args...)
	m.must(err)
}

// await asks until the condition holds.
func (m *manager) await(what string, condition func() bool) {
	m.Helper()
	for until := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			m.Fatalf("%s: not within a minute", what)
		}
	}
}

// eachRelease runs a test at every release, side by side.
func eachRelease(t *testing.T, f func(*manager)) {
	for _, r := range releases {
		t.Run(r.Version, func(t *testing.T) {
			t.Parallel()
			f(newManager(t, r))
		})
	}
}

// refuses runs the REST service, which must end at once, and returns what it said.
func (m *manager) refuses(app string) string {
	m.Helper()
	cmd := exec.CommandContext(m.Context(), filepath.Join(programs, m.release.Version, "restservice"), "-b", "127.0.0.1:0", app)
	cmd.Env = m.env("cloudify-restservice")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err == nil {
		m.Fatalf("it ended well: %s", out)
	}
	return string(out)
}
