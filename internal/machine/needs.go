package machine

import (
	"os"
	"os/exec"
	"slices"
	"strings"
)

// LackError says what keeps this computer from having test machines, and what to do about it.
type LackError struct{ What, Do string }

func (e *LackError) Error() string { return e.What }

// programs are those that machines are made of and reached with, and the Debian packages that have them.
var programs = []struct{ name, in string }{
	{"mmdebstrap", "mmdebstrap"},
	{"systemd-nspawn", "systemd-container"},
	{"journalctl", "systemd"},
	{"nsenter", "util-linux"},
	{"mkfs.ext4", "e2fsprogs"},
}

// Needs says what lacks here for a test machine, as a [LackError].
func Needs() error {
	release, _ := os.ReadFile("/etc/os-release") // without one it is no Debian
	has := func(program string) bool { _, err := exec.LookPath(program); return err == nil }
	return needs(os.Geteuid(), string(release), has)
}

func needs(uid int, osRelease string, has func(program string) bool) error {
	id := func(line string) bool {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		return name == "ID" && strings.Trim(value, `"'`) == "debian"
	}
	if !slices.ContainsFunc(strings.Split(osRelease, "\n"), id) {
		return &LackError{"a test machine is made of Debian's packages with Debian's programs, and this is no Debian",
			"do it on a Debian 12, or in a privileged container of one"}
	}
	var lack []string
	for _, p := range programs {
		if !has(p.name) {
			lack = append(lack, p.in)
		}
	}
	if len(lack) > 0 {
		return &LackError{"a test machine needs programs that are not here: " + strings.Join(lack, ", "),
			"as root: apt-get install --no-install-recommends " + strings.Join(lack, " ")}
	}
	if uid != 0 {
		return &LackError{"only root can boot a test machine", "use sudo"}
	}
	return nil
}
