package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// oddUser is a name that the shell, SQL and YAML each read in another way.
const oddUser = `o'brien "quoted" \ ü`

// login asks the product's API as a user, and returns the status of the answer.
func login(t *testing.T, m *host.Machine, method, path, user, password string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1/api/v2.1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	req.Header.Set("Tenant", "default_tenant") // 3.4.2 knows none
	resp, err := m.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// passwords are those that the product's `bootstrap security` gives.
var passwords = map[string]string{"admin": "open-sesame-42", "alice": "alice-password", "bob": "bob-password", "carol": "carol-password", oddUser: oddUser + "-password"}

// asked is what a request for blueprints, and one that deletes one that is not there, get as each user.
func asked(t *testing.T, m *host.Machine) map[string]string {
	t.Helper()
	found := map[string]string{"nobody": fmt.Sprint(login(t, m, http.MethodGet, "blueprints", "", ""))}
	for user, password := range passwords {
		found[user] = fmt.Sprint(login(t, m, http.MethodGet, "blueprints", user, password))
		found[user+", another password"] = fmt.Sprint(login(t, m, http.MethodGet, "blueprints", user, password+"x"))
	}
	return found
}

// every says that all users of the old release get in, or those named, and only with their passwords.
func every(users ...string) map[string]string {
	want := map[string]string{"nobody": "401"}
	for user := range passwords {
		want[user], want[user+", another password"] = "401", "401"
	}
	for _, user := range users {
		want[user] = "200"
	}
	return want
}

// rolesOf are the users of 4.0.1, each with whether it is active, has a password, and its roles and tenants.
func rolesOf(t *testing.T, m *host.Machine) map[string]string {
	t.Helper()
	found := map[string]string{}
	text := m.Sh(t, psql(`select json_agg(u) from (select username, active || ' ' || (password is not null) || ' '
		|| (select string_agg(name, ',') from roles r join users_roles x on x.role_id = r.id where x.user_id = u.id) || ' '
		|| (select string_agg(name, ',') from tenants t join users_tenants x on x.tenant_id = t.id where x.user_id = u.id) as is from users u) u`))
	var rows []struct{ Username, Is string }
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, r := range rows {
		found[r.Username] = r.Is
	}
	return found
}

// nothingTold looks for passwords in whatever an upgrade shows or keeps, but for the host's own files in its backup, and in the arguments of processes that were sampled.
func nothingTold(t *testing.T, m *host.Machine) {
	t.Helper()
	m.Sh(t, `touch /root/stop; while systemctl is-active -q sample; do sleep 0.1; done; cd /root
`+prefix+` report > told.report; `+prefix+` report --json > told.json; `+prefix+` log > told.log; journalctl --no-pager > told.journal`)
	for _, password := range passwords {
		script := look(password) + "\ncat > /root/value <<'END'\n" + password + `
END
find /opt/` + prefix + ` /var/lib/` + prefix + ` -type f -not -path '*/backup/config/*' -exec grep -lF -f /root/value {} +; rm /root/value; true`
		if found := m.Sh(t, script); found != "" {
			t.Errorf("the password %s is told in:\n%s", password, found)
		}
	}
	if seen := m.Sh(t, "grep -c psql /root/processes; grep -c engine /root/processes"); strings.HasPrefix(seen, "0") {
		t.Errorf("the samples hold too little: %s", seen)
	}
}

// TestFirstJumpUsers takes a machine of 3.4.2 that asks for passwords, of users in a file, over the first jump, after a try that goes back:
// everybody gets in with the password that they had, and may do what the admin was told and accepted.
func TestFirstJumpUsers(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	if err := m.Secure(t.Context(), "--store", "file"); err != nil {
		t.Fatal(err)
	}
	same(t, "who gets in at 3.4.2", every("admin", "alice", "bob", "carol", oddUser), asked(t, m))
	for user, want := range map[string]int{"alice": 401, "bob": 401, oddUser: 401, "carol": 404, "admin": 404} {
		if got := login(t, m, http.MethodDelete, "blueprints/none", user, passwords[user]); got != want {
			t.Errorf("%s deletes at 3.4.2: %d, want %d", user, got, want)
		}
	}
	clean := whole(t, m)
	code, out := m.ShCode(t, "dnf install -y "+give(t, m, "4.0.1"))
	if code != 0 || !strings.Contains(out, "not-accepted") || !strings.Contains(out, `"alice", "bob", "o'brien`) || !strings.Contains(out, "accept 4.0.1 roles = yes") ||
		strings.Contains(out, "carol") || strings.Contains(out, "hook-needs") || strings.Contains(out, "accept 4.0.1 credentials") || !strings.Contains(out, "was not started") {
		t.Errorf("exit %d\n%s", code, out)
	}
	for _, command := range []string{"start", "rehearse"} {
		if code, out := m.ShCode(t, prefix+" "+command); code != 3 || !strings.Contains(out, "not-accepted") {
			t.Errorf("%s: exit %d\n%s", command, code, out)
		}
	}
	same(t, "before and after the refusals", clean, whole(t, m))
	m.Sh(t, "mkdir -p /etc/"+prefix+"; echo 'accept 4.0.1 roles = yes' >/etc/"+prefix+"/upgrade.conf")
	m.Sh(t, sampleProcesses+machinecheck.Spoil("4.0.1"))
	before := whole(t, m)
	if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 4 {
		t.Fatalf("exit %d, want 4\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	same(t, "before and after the way back", before, whole(t, m))
	m.Sh(t, machinecheck.Mend)
	if err := m.AwaitProduct(t.Context(), "3.4.2"); err != nil {
		t.Fatal(err)
	}
	same(t, "who gets in after the way back", every("admin", "alice", "bob", "carol", oddUser), asked(t, m))
	if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	checkNew(t, m, "4.0.1")
	same(t, "who gets in at 4.0.1", every("admin", "alice", "bob", "carol", oddUser), asked(t, m))
	const user = "true true user default_tenant"
	same(t, "roles at 4.0.1", map[string]string{"admin": "true true admin default_tenant", "carol": "true true admin default_tenant", "alice": user, "bob": user, oddUser: user}, rolesOf(t, m))
	if report := m.Sh(t, prefix+" report"); !strings.Contains(report, "accepted: roles: 4.0.1 has no roles deployer and viewer") {
		t.Errorf("the report does not say what was accepted:\n%s", report)
	}
	nothingTold(t, m)
}

// TestFirstJumpHashedUsers: hashes of 3.4.2 cannot be taken over, so its users come not active, and the administrator is whom the admin wrote down.
func TestFirstJumpHashedUsers(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "3.4.2", Data: true})
	if err := m.Secure(t.Context(), "--store", "inline", "--passwords", "pbkdf2_sha256"); err != nil {
		t.Fatal(err)
	}
	same(t, "who gets in at 3.4.2", every("admin", "alice", "bob", "carol", oddUser), asked(t, m))
	m.Sh(t, administrator+"; touch /etc/"+prefix+"/manual; dnf install -y "+give(t, m, "4.0.1"))
	for _, lacks := range []string{"passwords", "roles"} {
		if code, out := m.ShCode(t, prefix+" check"); code != 3 || !strings.Contains(out, "accept 4.0.1 "+lacks+" = yes") {
			t.Errorf("without a word on %s: exit %d\n%s", lacks, code, out)
		}
		m.Sh(t, "echo 'accept 4.0.1 "+lacks+" = yes' >>/etc/"+prefix+"/upgrade.conf")
	}
	if code, out := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, out, machinecheck.Report(t, m))
	}
	checkNew(t, m, "4.0.1")
	same(t, "who gets in at 4.0.1", every(), asked(t, m))
	if got := login(t, m, http.MethodGet, "blueprints", "root-of-all", "open-sesame-42"); got != 200 {
		t.Errorf("the administrator gets %d", got)
	}
	same(t, "roles at 4.0.1", map[string]string{"root-of-all": "true true admin default_tenant", "admin": "false false admin default_tenant", "carol": "false false admin default_tenant",
		"alice": "false false user default_tenant", "bob": "false false user default_tenant", oddUser: "false false user default_tenant"}, rolesOf(t, m))
}
