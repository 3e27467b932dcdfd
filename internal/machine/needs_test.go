package machine

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// What lacks is told with what to do about it.
func TestNeeds(t *testing.T) {
	t.Parallel()
	const debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"
	for _, c := range []struct {
		name       string
		uid        int
		osRelease  string
		lack       []string
		what, todo string // "" when nothing lacks
	}{
		{"nothing", 0, debian, nil, "", ""},
		{"root", 1000, debian, nil, "only root", "sudo"},
		{"programs", 0, debian, []string{"mmdebstrap", "systemd-nspawn"}, "mmdebstrap, systemd-container", "apt-get install --no-install-recommends mmdebstrap systemd-container"},
		{"root and a program", 1000, debian, []string{"mkfs.ext4"}, "e2fsprogs", "as root: apt-get install --no-install-recommends e2fsprogs"},
		{"another distribution", 0, "ID=\"almalinux\"\nID_LIKE=\"rhel debian\"\n", nil, "no Debian", "Debian 12"},
		{"no distribution", 0, "", nil, "no Debian", "Debian 12"},
	} {
		err := needs(c.uid, c.osRelease, func(program string) bool { return !slices.Contains(c.lack, program) })
		var lack *LackError
		if !errors.As(err, &lack) {
			if c.what != "" || err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if c.what == "" || !strings.Contains(lack.What, c.what) || !strings.Contains(lack.Do, c.todo) {
			t.Errorf("%s: %+v", c.name, lack)
		}
	}
}
