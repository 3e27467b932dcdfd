// Package large builds bundles past 4 GiB and upgrades a machine with them: the
// sizes that rpm's older tags and archives cannot tell.
package large

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/test/host"
)

// limit bounds each program: packing five GiB takes a minute.
const limit = 20 * time.Minute

// run runs a program in a folder, and returns what it says and its largest resident set in KiB.
func run(t *testing.T, dir, name string, args ...string) (out string, peak int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "LC_ALL=C")
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, b)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no figures of the program that ended")
	}
	return string(b), usage.Maxrss
}

// most is what building and inspecting a bundle may take, in KiB of memory.
const most = 64 << 10

// project is a copy of the project whose release 2.0 has as many maps as there are sizes, in GiB.
func project(t *testing.T, gib ...int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("project")); err != nil {
		t.Fatal(err)
	}
	pack := func(release, spec string, defines ...string) {
		args := []string{
			"--quiet", "-bb", "--define", "release_of " + release, "--define", "_topdir " + t.TempDir(), "--define", "_sourcedir " + filepath.Join(dir, "components"),
			"--define", "_rpmdir " + filepath.Join(dir, "dist"), "--define", "_build_name_fmt " + release + "/%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
		}
		run(t, filepath.Join(dir, "components"), "rpmbuild", append(append(args, defines...), spec)...)
	}
	pack("1.0", "atlas.spec")
	pack("2.0", "atlas.spec")
	var maps []string
	release := "components:\n"
	for i, n := range gib {
		pack("2.0", "atlas-maps.spec", "--define", "part "+strconv.Itoa(i), "--define", "gib "+strconv.Itoa(n))
		maps = append(maps, "atlas-maps"+strconv.Itoa(i))
		release += "  - name: atlas-maps" + strconv.Itoa(i) + "\n    evr: 2.0-1\n    arch: noarch\n"
	}
	edit(t, filepath.Join(dir, "versions/2.0.yaml"), "components:\n", release)
	edit(t, filepath.Join(dir, "specs/1.0-2.0/upgrade.yaml"), "MAPS", strings.Join(maps, ", "))
	return dir
}

func edit(t *testing.T, file, what, into string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), what, into, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLarge builds a bundle within bounded memory, holds it against rpm, and upgrades a machine with it: back once, then there. One size
// comes after the other, for the room that they take.
func TestLarge(t *testing.T) {
	bundler := filepath.Join(t.TempDir(), "bundler")
	engine := filepath.Join(t.TempDir(), "engine")
	run(t, "../..", "go", "build", "-o", bundler, "./bundler")
	run(t, "../..", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", engine, "./payload-scripts")
	keys, err := filepath.Abs("../keys")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		gib  []int
	}{{"a file of 5 GiB", []int{5}}, {"6 GiB in all", []int{2, 2, 2}}} {
		t.Run(c.name, func(t *testing.T) {
			dir := project(t, c.gib...)
			run(t, dir, bundler, "lock", "1.0")
			run(t, dir, bundler, "lock", "2.0")
			run(t, dir, bundler, "check", "1.0-2.0")
			// As they are: compressed together, these packages would make a bundle that needs no sizes of 64 bits.
			_, peak := run(t, dir, bundler, "build", "1.0-2.0", "--plain", "--engine", engine, "--key", filepath.Join(keys, "demo.key.asc"))
			bundle := filepath.Join(dir, "dist/atlas-upgrade-2.0.rpm")
			against(t, bundle, keys)
			_, looked := run(t, dir, bundler, "inspect", bundle, "--key", filepath.Join(keys, "demo.pub.asc"))
			t.Logf("built within %d MiB, inspected within %d MiB", peak>>10, looked>>10)
			if peak > most || looked > most {
				t.Errorf("more than %d MiB", most>>10)
			}
			if err := os.RemoveAll(filepath.Join(dir, "dist/2.0")); err != nil {
				t.Fatal(err)
			}
			upgrade(t, dir, bundle, len(c.gib))
		})
	}
}

// against holds a bundle against rpm: its digests and its signature, and its sizes with those of the file.
func against(t *testing.T, bundle, keys string) {
	t.Helper()
	db := "--dbpath=" + t.TempDir()
	run(t, ".", "rpmkeys", db, "--import", filepath.Join(keys, "demo.pub.asc"))
	said, _ := run(t, ".", "rpmkeys", db, "-Kv", bundle)
	for _, line := range strings.Split(strings.TrimSpace(said), "\n")[1:] {
		if !strings.HasSuffix(line, "OK") {
			t.Errorf("rpm -Kv: %s", line)
		}
	}
	info, err := os.Stat(bundle)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := run(t, ".", "rpm", db, "-qp", "--qf", "%{LONGSIGSIZE}", bundle)
	if n, err := strconv.ParseInt(size, 10, 64); err != nil || info.Size()-n < 1<<10 || info.Size()-n > 64<<10 { // lead and signatures come before
		t.Errorf("rpm says that %s of %d bytes come after the signatures", size, info.Size())
	}
}

// upgrade takes a machine to 2.0: the first time it goes back, because a drop-in lets the new release not start.
func upgrade(t *testing.T, dir, bundle string, maps int) {
	t.Helper()
	m := host.Start(t, host.Options{})
	if err := m.CopyIn(filepath.Join(dir, "dist/1.0"), "/root/1.0"); err != nil {
		t.Fatal(err)
	}
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(bundle); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, `dnf install -y /root/1.0/*.rpm && systemctl enable --now atlas
		for i in $(seq 600); do curl -fsS http://127.0.0.1:7171/version && break; sleep 0.1; done
		mkdir -p /etc/atlas-upgrade && touch /etc/atlas-upgrade/manual
		dnf install -y /root/bundle.rpm && rm /root/bundle.rpm && rpm -V atlas-upgrade-2.0
		mkdir -p /etc/systemd/system/atlas.service.d && printf '[Service]\nExecStartPre=/bin/sh -c "! grep 2.0 /usr/share/atlas/version"\n' >/etc/systemd/system/atlas.service.d/fails.conf && systemctl daemon-reload`)
	if code, out := m.ShCode(t, "atlas-upgrade start; atlas-upgrade wait"); code != 4 {
		t.Fatalf("exit %d, want 4: back\n%s", code, out)
	}
	if got := m.Sh(t, "curl -fsS http://127.0.0.1:7171/version; rpm -qa 'atlas*' | grep -v upgrade; ls -d /usr/share/atlas-maps 2>&1 | tail -c 26"); got !=
		"{\"version\": \"1.0\"}\natlas-1.0-1.noarch\nNo such file or directory" {
		t.Errorf("after the way back:\n%s", got)
	}
	m.Sh(t, "rm -r /etc/systemd/system/atlas.service.d && systemctl daemon-reload")
	if code, out := m.ShCode(t, "atlas-upgrade start; atlas-upgrade wait"); code != 0 {
		t.Fatalf("exit %d, want 0\n%s", code, out)
	}
	if got := m.Sh(t, "curl -fsS http://127.0.0.1:7171/version; rpm -V atlas $(rpm -qa 'atlas-maps*'); rpm -qa 'atlas-maps*' | wc -l; atlas-upgrade report | head -20"); !strings.HasPrefix(got,
		"{\"version\": \"2.0\"}\n"+strconv.Itoa(maps)+"\n") {
		t.Errorf("after the upgrade:\n%s", got)
	}
}
