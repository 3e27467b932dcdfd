package files

import (
	"context"
	"os"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/finding"
)

func TestFindings(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		change func(*machine)
		want   string
	}{
		"none":           {func(*machine) {}, ""},
		"conflict":       {func(m *machine) { m.write("/etc/app.json", `{"port": 3, "name": "x"}`, 0o600, 0, 0) }, "config-conflict"},
		"unparsable":     {func(m *machine) { m.write("/etc/app.json", `{"port": `, 0o600, 0, 0) }, "config-unparsable"},
		"missing":        {func(m *machine) { m.ok(os.Remove(m.at("/etc/sysconfig/app"))) }, "config-missing"},
		"no value":       {func(m *machine) { m.m.Config[0].Set = nil }, "config-value-unknown"},
		"edited, goes":   {func(m *machine) { m.write("/etc/old.conf", "mine\n", 0o600, 0, 0) }, "config-edited-file-goes"},
		"owner":          {func(m *machine) { m.m.Config[3].Owner = "nobody-knows" }, "config-owner-lacks"},
		"damaged bundle": {func(m *machine) { m.m.Files[0].SHA256 = "00" }, "config-merge"},
		"a folder":       {func(m *machine) { m.ok(os.Remove(m.at("/etc/old.conf"))); m.mkdir("/etc/old.conf", 0o755) }, "config-unreadable"},
		"state link": {func(m *machine) {
			m.ok(os.Rename(m.at("/opt/app/state"), m.at("/opt/app/s")))
			m.ok(os.Symlink("s", m.at("/opt/app/state")))
			m.ok(os.Lchown(m.at("/opt/app/state"), 9, 9))
		}, "state-link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			c.change(m)
			before := m.shot("/")
			s := New(m.m, m.bundle, "")
			s.Root = m.root
			expect(t, s.Findings(ctx), c.want)
			compareShots(t, m.shot("/"), before)
		})
	}
}

func expect(t *testing.T, found []finding.Finding, want string) {
	t.Helper()
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID)
		if f.What == "" || (f.Do == "") != (f.Level == finding.Note) || f.Level == "" {
			t.Errorf("incomplete: %+v", f)
		}
	}
	if strings.Join(ids, " ") != want {
		t.Errorf("%q, not %q: %+v", ids, want, found)
	}
}
