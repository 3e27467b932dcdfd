package product_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/documents"
	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
)

// certifyScript runs a script of the first jump's certification with this host's folders and address in place of the real ones.
func (m *manager) certifyScript(name, phase string) (string, error) {
	m.Helper()
	text, err := os.ReadFile("../../specs/3.4.2-4.0.1/certify/" + name)
	m.must(err)
	path := filepath.Join(m.dir, name)
	m.must(os.WriteFile(path, []byte(strings.NewReplacer("/opt/", m.dir+"/opt/", "=/etc/", "="+m.dir+"/etc/", `"/etc/`, `"`+m.dir+"/etc/", "http://127.0.0.1/", m.url+"/").Replace(string(text))), 0o600))
	cmd := exec.CommandContext(m.Context(), "/bin/sh", path, phase)
	cmd.Env = append(os.Environ(), "ONERPM_NOTES="+m.dir+"/notes", "ONERPM_PREFIX=demo-upgrade", "ONERPM_FROM=3.4.2", "ONERPM_TO=4.0.1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// secure has the REST service ask for a name and a password from its start on; the administrator's is this one.
func (m *manager) secure(password string) {
	m.Helper()
	conf := m.dir + settings.SecurityPath
	text, err := os.ReadFile(conf)
	m.must(err)
	quoted, err := json.Marshal(password)
	m.must(err)
	m.must(os.WriteFile(conf, []byte(strings.NewReplacer(`"enabled": false,`+"\n"+`  "ssl"`, `"enabled": true,`+"\n"+`  "ssl"`, `"`+adminPassword+`"`, string(quoted)).Replace(string(text))), 0o600))
	m.must(exec.CommandContext(m.Context(), "sed", "-i", "s|^MANAGER_REST_SECURITY.*|MANAGER_REST_SECURITY_CONFIG_PATH="+conf+"|", m.dir+"/etc/sysconfig/cloudify-restservice").Run())
}

// TestOldCertification: what certification asks of 3.4.2 is answered whether it asks for a name and a password or not, as is what is
// uploaded meanwhile, and what is gone afterwards is told.
func TestOldCertification(t *testing.T) {
	for name, c := range map[string]struct {
		password string // of the administrator; without one nobody is asked
		accepts  string
	}{
		"security off": {"", "accept 4.0.1 credentials = yes\n"},
		"security on":  {`o'p"q\r: ü`, "accept 4.0.1 roles = yes\naccept 4.0.1 passwords = yes\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newOldManager(t)
			m.elastic("DELETE", "/_all", "")
			m.must(documents.New(documents.Options{Address: node.Address, Seed: 7, Deployments: 2, Large: 100_000}).Fill(m.Context()))
			m.elastic("POST", "/_refresh", "")
			if c.password != "" {
				m.secure(c.password)
			}
			m.startREST()
			uploaded := filepath.Join(m.dir, "opt/manager/resources/blueprints/one/one.tar.gz")
			m.must(os.MkdirAll(filepath.Dir(uploaded), 0o755))
			m.must(os.WriteFile(uploaded, []byte("one"), 0o600))
			m.must(os.Mkdir(m.dir+"/notes", 0o700))
			for _, phase := range []string{"prepare", "prepare", "before", "load", "load", "back"} {
				if out, err := m.certifyScript("data.sh", phase); err != nil || out != "" {
					t.Fatalf("%s: %v: %s", phase, err, out)
				}
			}
			if out, err := m.certifyScript("agents.sh", "show"); err != nil || !strings.Contains(out, "old ") {
				t.Errorf("the agents: %v: %s", err, out)
			}
			accepts, err := os.ReadFile(m.dir + "/etc/demo-upgrade/upgrade.conf")
			m.must(err)
			if string(accepts) != c.accepts {
				t.Errorf("accepted is %q", accepts)
			}
			acknowledged, err := os.ReadFile(m.dir + "/notes/acknowledged")
			m.must(err)
			if strings.Count(string(acknowledged), " old ") != 2 {
				t.Errorf("acknowledged is %q", acknowledged)
			}
			m.must(os.Remove(uploaded))
			if out, err := m.certifyScript("data.sh", "back"); err == nil || !strings.Contains(out, "gone: ") || !strings.Contains(out, "one.tar.gz") {
				t.Errorf("a file is gone: %v: %s", err, out)
			}
		})
	}
}

// TestLaterCertification: what certification asks of 4.0.1 is answered to the administrator whom it has the upgrade make, and what came is told.
func TestLaterCertification(t *testing.T) {
	t.Parallel()
	release, _ := product.Find("4.0.1")
	m := newManager(t, release)
	password, err := account.HashPassword(m.security, "open-sesame-42")
	m.must(err)
	_, err = m.db.Exec(t.Context(), "UPDATE users SET username = 'certifier', password = $1 WHERE id = 0", password)
	m.must(err)
	m.startREST()
	m.must(os.Mkdir(m.dir+"/notes", 0o700))
	if out, err := m.certifyScript("data.sh", "prepare"); err != nil || out != "" { // nothing in the configuration says that 4.0.1 asks for a password
		t.Fatalf("prepare: %v: %s", err, out)
	}
	for _, name := range []string{"answers", "files"} {
		m.must(os.WriteFile(filepath.Join(m.dir, "notes", name), nil, 0o600))
	}
	out, err := m.certifyScript("data.sh", "after")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); err == nil || len(lines) < 10 {
		t.Errorf("after: %v: %s", err, out)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "new: ") {
			t.Errorf("after: %s", line)
		}
	}
	if out, err := m.certifyScript("agents.sh", "show"); err != nil || !strings.Contains(out, "new host_1_1 deployment-0\n") {
		t.Errorf("the agents: %v: %s", err, out)
	}
}
