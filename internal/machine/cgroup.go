package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A machine needs a control group of its own: two systemds in one would end each
// other's processes. Where systemd runs the host, it is asked for a delegated scope;
// elsewhere (a container, a small VM) a group is made by hand in the hierarchies
// that systemd uses: the unified one, and "name=systemd" beside version 1.

// underSystemd says whether systemd runs the host.
func underSystemd() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// hierarchies returns the mount points of the control group hierarchies that a
// systemd in a machine uses.
func hierarchies() ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read the mount table: %w", err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(kind) < 3 {
			continue
		}
		named := kind[0] == "cgroup" && strings.Contains(kind[2]+",", "name=systemd,")
		if under := strings.HasPrefix(f[4], "/sys/fs/cgroup"); under && (kind[0] == "cgroup2" || named) {
			out = append(out, f[4])
		}
	}
	return out, nil
}

// makeGroups makes the machine's control groups and returns their folders; none
// where systemd does it.
func makeGroups(id string) ([]string, error) {
	if underSystemd() {
		return nil, nil
	}
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	if len(mounts) == 0 {
		if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
			return nil, fmt.Errorf("no control groups here, and none can be mounted: %w", err)
		}
		mounts = []string{"/sys/fs/cgroup"}
	}
	var groups []string
	for _, m := range mounts {
		group := filepath.Join(m, id)
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the machine's control group (a container must be privileged): %w", err)
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// inGroups returns the command that runs args inside the machine's control groups.
func inGroups(id string, groups []string, args ...string) []string {
	if underSystemd() {
		return append([]string{"systemd-run", "--quiet", "--scope", "--collect", "--unit=" + id + ".scope",
			"--property=Delegate=yes", "--"}, args...)
	}
	return joinGroups(groups, args...)
}

// joinGroups returns the command that goes into the groups and becomes args.
func joinGroups(groups []string, args ...string) []string {
	script := `for g in $0; do mkdir -p "$g" && echo $$ > "$g/cgroup.procs" || exit 126; done; exec "$@"`
	return append([]string{"sh", "-c", script, strings.Join(groups, " ")}, args...)
}

// groupsInside returns the group for what the host runs in a machine: beside the
// groups that the machine's own systemd made, so that no unit's end takes it along.
func groupsInside(leader int) ([]string, error) {
	mounts, err := hierarchies()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", leader))
	if err != nil {
		return nil, fmt.Errorf("find the machine's control group: %w", err)
	}
	var groups []string
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || (f[1] != "" && f[1] != "name=systemd") {
			continue
		}
		inside := filepath.Join(strings.TrimSuffix(f[2], "/init.scope"), "from-host")
		for _, m := range mounts {
			if unified := isUnified(m); unified == (f[1] == "") {
				groups = append(groups, filepath.Join(m, inside))
			}
		}
	}
	return groups, nil
}

// needsUnified says whether the machine's systemd refuses control groups of version 1, as it does from 258 on.
func (m *Machine) needsUnified() bool {
	found, _ := filepath.Glob(m.Path("/usr/lib/*/systemd/libsystemd-shared-*.so")) // the pattern is right
	for _, path := range found {
		var version int
		if _, err := fmt.Sscanf(filepath.Base(path), "libsystemd-shared-%d", &version); err == nil && version >= 258 {
			return true
		}
	}
	return false
}

func isUnified(mount string) bool {
	_, err := os.Stat(filepath.Join(mount, "cgroup.controllers"))
	return err == nil
}

// removeGroups removes the machine's control groups once no process is in them.
func removeGroups(id string) {
	mounts, err := hierarchies()
	if err != nil || underSystemd() {
		return
	}
	for _, m := range mounts {
		var dirs []string
		_ = filepath.WalkDir(filepath.Join(m, id), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			_ = os.Remove(dirs[i])
		}
	}
}
