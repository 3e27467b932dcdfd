package files

import (
	"strings"
	"testing"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	got, err := m.prepared().Changes()
	m.ok(err)
	var all []string
	for _, f := range got {
		for _, c := range f.Changes {
			all = append(all, f.Target+" "+string(c.Kind)+" "+c.Key)
			if c.Key == "secret" && c.To != "(hidden)" {
				t.Error("a secret is shown:", c.To)
			}
		}
	}
	want := "/etc/app.json changed port,/etc/app.json kept mine,/etc/app.json added secret,/etc/sysconfig/app changed A," +
		"/usr/lib/systemd/system/app.service changed line 2,/etc/app/new.conf added line 1,/etc/old.conf removed "
	if strings.Join(all, ",") != want {
		t.Error(strings.Join(all, ","))
	}
}
