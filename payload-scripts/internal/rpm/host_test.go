package rpm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func TestOwners(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	h := &Host{Root: root}
	who, err := h.Owners() // a root without accounts
	if err != nil || who.User("root") != 0 || who.Group("nobody-knows") != 0 {
		t.Errorf("%v", err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(root+"/etc", 0o755), os.WriteFile(root+"/etc/"+name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("passwd", "root:x:0:0::/:/bin/sh\n# comment\n\nbroken:x\nodd:x:many:1\napp:x:991:992::/:/bin/sh\n")
	write("group", "root:x:0:\nbig:x:77:"+strings.Repeat("member,", 20000)+"\napp:x:992:\n")
	if who, err = h.Owners(); err != nil {
		t.Fatal(err)
	}
	if who.User("app") != 991 || who.Group("app") != 992 || who.Group("big") != 77 || who.User("odd") != 0 {
		t.Errorf("%v", who)
	}
	fresh, err := h.Owners()
	if err != nil || strings.Join(fresh.Names(), ", ") != "group app, group big, group root, user app, user root" {
		t.Errorf("%v: %v", fresh.Names(), err)
	}
	write("group", strings.Repeat("x", maxAccount+1))
	if _, err := h.Owners(); err == nil || !strings.Contains(err.Error(), "group") {
		t.Errorf("a line without an end: %v", err)
	}
}

func TestWithoutScriptlets(t *testing.T) {
	t.Parallel()
	h := &Host{}
	for range 2 { // rpm is asked once for what it knows, which is remembered
		for own, want := range map[Own]string{
			{}:                                  "--nopre --nopost --nopreun --nopostun",
			{Transaction: true}:                 "--nopre --nopost --nopreun --nopostun --nopretrans --noposttrans",
			{Triggers: true}:                    "--noscripts --notriggers",
			{Triggers: true, Transaction: true}: "--noscripts --notriggers",
		} {
			got, err := h.WithoutScriptlets(t.Context(), own)
			// A newer rpm has more options for scriptlets of the transaction.
			text := strings.Join(got[2:], " ")
			if newer, _ := strings.CutPrefix(text, want); err != nil || newer != "" && (!own.Transaction || newer == text) {
				t.Errorf("%+v: %s: %v", own, text, err)
			}
		}
	}
	if known, err := understands(t.Context(), []string{"--no-such-option"}); known || err != nil {
		t.Errorf("rpm knows an option that there is not: %v", err)
	}
}

func TestDeclared(t *testing.T) {
	t.Parallel()
	files := []string{"/usr/lib/tmpfiles.d/b.conf", "/usr/lib/tmpfiles.d/a.conf", "/usr/lib/tmpfiles.d/README", "/usr/lib/sysusers.d/u.conf", "/etc/tmpfiles.d/c.conf", "/usr/lib/tmpfiles.d/x/d.conf"}
	if got := strings.Join(declared(files, "tmpfiles.d"), " "); got != "a.conf b.conf" {
		t.Error(got)
	}
	if got := strings.Join(declared(files, "sysusers.d"), " "); got != "u.conf" {
		t.Error(got)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	w := rpmtest.New(t, nil, nil)
	h := &Host{Root: w.Root}
	w.Write(t, "/etc/ld.so.conf", "/opt/lib\n")
	w.Write(t, "/usr/lib/tmpfiles.d/app.conf", "d /var/app 0750 0 0 -\n")
	w.Write(t, "/usr/lib/sysusers.d/app.conf", "u appuser 993 \"the product\" /\n")
	files := []string{"/usr/lib/tmpfiles.d/app.conf", "/usr/lib/sysusers.d/app.conf"}
	for range 2 { // it may be done at any time
		if failures := h.Refresh(t.Context(), files); len(failures) > 0 {
			t.Error(failures)
		}
	}
	if _, err := os.Stat(w.Root + "/etc/ld.so.cache"); err != nil {
		t.Errorf("the linker's cache: %v", err)
	}
	if info, err := os.Stat(w.Root + "/var/app"); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("the folder of tmpfiles.d: %v %v", info, err)
	}
	if !strings.Contains(w.Read("/etc/passwd"), "appuser:") {
		t.Errorf("the user of sysusers.d: %s", w.Read("/etc/passwd"))
	}
	// One that fails is told, and does not keep the others from their work.
	w.Write(t, "/usr/lib/sysusers.d/app.conf", "nonsense\n")
	if err := os.Remove(w.Root + "/var/app"); err != nil {
		t.Fatal(err)
	}
	failures := h.Refresh(t.Context(), files)
	if len(failures) != 1 || !strings.Contains(fmt.Sprint(failures[0]), "systemd-sysusers") {
		t.Errorf("%v", failures)
	}
	if _, err := os.Stat(w.Root + "/var/app"); err != nil {
		t.Error(err)
	}
}

func TestDatabaseFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-shm", ".rpm.lock", "__db.001", "Packages"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := databaseFiles(dir)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if err != nil || strings.Join(names, " ") != "Packages rpmdb.sqlite rpmdb.sqlite-wal" {
		t.Errorf("%v: %v", names, err)
	}
	if _, err := databaseFiles(filepath.Join(dir, "gone")); err == nil || !strings.Contains(err.Error(), "read the folder of rpm's database") {
		t.Errorf("got %v", err)
	}
}

// TestACopyThatIsWrittenToMeanwhile is made again, and fails when that does not help.
func TestACopyThatIsWrittenToMeanwhile(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1"})
	from, err := h.DBPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy")
	times := 0
	disturb := func(src, dst string) error {
		if times++; times == 1 {
			if err := os.Chtimes(filepath.Join(from, "rpmdb.sqlite"), time.Time{}, time.Unix(1, 0)); err != nil {
				return err
			}
		}
		return plainCopy(src, dst)
	}
	if err := h.copyOnce(t.Context(), from, to, disturb); err == nil || !strings.Contains(err.Error(), "was written to meanwhile") {
		t.Errorf("got %v", err)
	}
	times = 0
	if err := h.copyDatabase(t.Context(), to, disturb, atOnce); err != nil { // the second try is not disturbed
		t.Error(err)
	}
	boom := errors.New("boom")
	if err := h.copyOnce(t.Context(), from, to, func(string, string) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

// TestADifferentCopy damages the copy: it does not list the same packages.
func TestADifferentCopy(t *testing.T) {
	t.Parallel()
	_, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1"})
	_, other := hostWith(t, nil, rpmtest.Package{Name: "b", Version: "1"})
	from, err := h.DBPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := other.DBPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = h.copyOnce(t.Context(), from, filepath.Join(t.TempDir(), "copy"), func(src, dst string) error {
		if err := plainCopy(filepath.Join(wrong, filepath.Base(src)), dst); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "does not list the same packages") {
		t.Errorf("got %v", err)
	}
}

func TestHolderForPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		holder Holder
		text   string
	}{{Holder{PID: 7}, "process 7"}, {Holder{PID: 7, Name: "rpm -U"}, "rpm -U, process 7"}} {
		if got := c.holder.String(); got != c.text {
			t.Error(got)
		}
	}
}

// TestNotesOfPackageManagers looks at the files in which yum, dnf and libdnf say who is at work.
func TestNotesOfPackageManagers(t *testing.T) {
	t.Parallel()
	w, h := hostWith(t, nil)
	note := func(text string) { w.Write(t, pidFiles[0], text) }
	for text, busy := range map[string]bool{
		"": false, "x": false, "-1": false, "0": false, fmt.Sprint(os.Getpid()): false, "1": false, // no package manager
		fmt.Sprintf("%d\n", named(t, "dnf")): true,
	} {
		note(text)
		who, err := h.Busy(t.Context())
		if err != nil || (who != nil) != busy {
			t.Errorf("%q: %v %v", text, who, err)
		}
		if who != nil && who.Name != "dnf 600" {
			t.Errorf("it is %s", who)
		}
	}
	note("")
	for file, program := range map[string]string{"/run/dnf-rpmdb.lock": "/usr/libexec/packagekitd", "/var/cache/yum/lock/dnf-rpmdb.lock": "microdnf"} {
		w.Write(t, file, fmt.Sprint(named(t, program))) // libdnf writes no end of the line
		if who, err := h.Busy(t.Context()); err != nil || who == nil || who.Name != program+" 600" {
			t.Errorf("%s: %v %v", file, who, err)
		}
		w.Write(t, file, fmt.Sprint(named(t, "another"))) // its number came round
		if who, err := h.Busy(t.Context()); err != nil || who != nil {
			t.Errorf("%s of a process that has ended: %v %v", file, who, err)
		}
	}
}

// named starts a process that has a program's name, until the test ends.
func named(t *testing.T, program string) (pid int) {
	t.Helper()
	sleeper := exec.Command("sleep", "600")
	sleeper.Args[0] = program
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	return sleeper.Process.Pid
}

func TestEvalAndPath(t *testing.T) {
	t.Parallel()
	if got, err := Eval(t.Context(), "%{nosuchmacro}"); err != nil || got != "%{nosuchmacro}" {
		t.Errorf("%q: %v", got, err)
	}
	for root, want := range map[string]string{"": "/etc/x", "/mnt": "/mnt/etc/x", "/mnt/": "/mnt/etc/x"} {
		if got := (&Host{Root: root}).Path("/etc/x"); got != want {
			t.Errorf("%q: %s", root, got)
		}
	}
}

func TestTryAndTest(t *testing.T) {
	t.Parallel()
	w, h := hostWith(t, nil, rpmtest.Package{Name: "a", Version: "1"})
	db := filepath.Join(t.TempDir(), "db")
	if err := h.Copy(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	needy := rpmFile(t, rpmtest.Package{Name: "needy", Version: "1", Requires: []string{"libmissing"}})
	plain := rpmFile(t, rpmtest.Package{Name: "plain", Version: "1"})
	for path, want := range map[string]string{needy: "libmissing is needed by needy-1-1.noarch", plain: ""} {
		said, err := Try(t.Context(), db, []string{"-U", path})
		if err != nil || strings.Join(said, "; ") != want {
			t.Errorf("try %s: %q %v", path, said, err)
		}
		said, err = h.Test(t.Context(), []string{"-U", path})
		if err != nil || strings.Join(said, "; ") != want {
			t.Errorf("test %s: %q %v", path, said, err)
		}
	}
	if _, err := Try(t.Context(), db, []string{"-U", "/nowhere/x.rpm"}); err != nil && !strings.Contains(err.Error(), "try the packages") {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(w.Set(t), " "); got != "a-1-1.noarch" {
		t.Errorf("a trial changed the host: %s", got)
	}
	copied, err := DBAt(db).All(t.Context())
	if err != nil || !slices.Contains(copied, "plain-0:1-1.noarch") {
		t.Errorf("the trial did not change the copy: %v %v", copied, err)
	}
}
