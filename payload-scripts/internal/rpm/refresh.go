package rpm

import (
	"context"
	"fmt"
	"os"
	"path"
	"sort"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// refreshTimeout bounds each program that Refresh runs.
const refreshTimeout = 2 * time.Minute

// Refresh does again, for the files of packages that were installed without their scriptlets,
// what such scriptlets do outside of files: the linker's cache, users (systemd-sysusers) and
// folders in /run and the like (systemd-tmpfiles). All of it may be done at any time. It goes
// on after a failure and returns all of them.
func (h *Host) Refresh(ctx context.Context, files []string) []error {
	var failures []error
	run := func(program string, args ...string) {
		if !programs.Exists(program) {
			return
		}
		if _, err := programs.Run(ctx, programs.Cmd{Name: program, Args: args, Timeout: refreshTimeout}); err != nil {
			failures = append(failures, fmt.Errorf("after the packages: %w", err))
		}
	}
	if h.Root == "" {
		run("ldconfig")
	} else if _, err := os.Stat(h.Path("/etc/ld.so.conf")); err == nil {
		run("ldconfig", "-r", h.Root)
	}
	root := []string(nil)
	if h.Root != "" {
		root = []string{"--root=" + h.Root}
	}
	if users := declared(files, "sysusers.d"); len(users) > 0 {
		run("systemd-sysusers", join(root, []string{"--"}, users)...)
	}
	if folders := declared(files, "tmpfiles.d"); len(folders) > 0 {
		run("systemd-tmpfiles", join(root, []string{"--create", "--"}, folders)...)
	}
	return failures
}

// declared returns the names of those of the files that are in a folder of that name in
// /usr/lib, sorted: given a name alone, systemd's programs prefer what an admin has in /etc.
func declared(files []string, folder string) []string {
	var found []string
	for _, f := range files {
		if path.Dir(f) == "/usr/lib/"+folder && strings.HasSuffix(f, ".conf") {
			found = append(found, path.Base(f))
		}
	}
	sort.Strings(found)
	return found
}
