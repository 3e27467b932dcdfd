package picture

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

func pkg(name, version string) manifest.Package {
	return manifest.Package{ID: nevra.ID{Name: name, Version: version, Release: "1", Arch: "noarch"}}
}

// demo is the manifest of a small jump.
func demo() *manifest.Manifest {
	return &manifest.Manifest{
		Prefix: "demo-upgrade", From: "1.0", To: "2.0",
		Old: []manifest.Package{pkg("demo-old", "1.0"), pkg("demo-service", "1.0"), pkg("demo-back", "3.0")},
		New: []manifest.Package{pkg("demo-new", "2.0"), pkg("demo-service", "2.0"), pkg("demo-back", "2.0")},
		Services: []manifest.Service{{Unit: "demo"}, {Unit: "demo-old", Only: manifest.Old}, {Unit: "demo-new", Only: manifest.New},
			{Unit: "nginx", Door: true}},
		Config: []manifest.Config{{Target: "/etc/demo.conf"}, {Target: "/etc/demo/new.conf", Owner: "demo", Group: "demo", Mode: "0640"}},
		State:  []string{"/opt/demo/env"},
		Known:  []manifest.Release{{Version: "1.0", Packages: []manifest.Known{{Name: "demo-back", EVR: "0:3.0-1"}}}},

		EarlyServices: []manifest.EarlyService{{Unit: "demo-early", Makes: []string{"/var/lib/demo-early"}}},
		Moves:         []manifest.Move{{Each: "/opt/demo/plugins", Into: "/opt/demo/plugins/all"}, {From: "/opt/demo/a", To: "/opt/demo/b"}},
		Owners:        []manifest.Owner{{Path: "/var/log2/demo", User: "demo"}},
	}
}

const before = `@@ packages
bash	0:5.2-1.x86_64
demo-old	0:1.0-1.noarch
demo-service	0:1.0-1.noarch
@@ altered
S.5....T.  c /etc/demo-service.conf
.......T.  g /run/demo.pid
missing     /opt/demo/lost
@@ owned
/usr/bin/demo	0
/usr/bin/demo-old	0
/etc/demo-service.conf	17
/usr/lib/systemd/system/demo-old.service	0
@@ services
demo	active
@@ left
@@ files
d 755 0:0 4096 1.5 	/
f 755 0:0 10 5.5 	/usr/bin/demo
f 755 0:0 10 5.5 	/usr/bin/demo-old
f 755 0:0 10 5.5 	/usr/bin/bash
l 777 0:0 4 5.5 bash	/usr/bin/sh
f 644 0:0 3 5.5 	/etc/hosts
f 640 0:7 3 5.5 	/etc/demo.conf
f 644 0:0 3 5.5 	/etc/demo-service.conf
d 755 7:7 4096 5.5 	/opt/demo/env
f 755 7:7 3 5.5 	/opt/demo/env/a b
f 644 0:0 3 5.5 	/opt/demo/plugins/p
f 644 0:0 3 5.5 	/opt/demo/a/x
f 600 0:0 3 5.5 	/var/log2/demo/1
f 644 0:0 3 5.5 	/var/log/messages
@@ digests
1111  /etc/hosts
2222  /etc/demo.conf
3333  /etc/demo-service.conf
4444  /opt/demo/env/a b
@@ updates
@@ enabled
demo.service	enabled
demo-old.service	enabled
sshd.service	enabled
@@ units
demo.service	active
demo-old.service	active
sshd.service	active
chronyd.service	active
cron.service	inactive
@@ users
root	0:0:root:/root:/bin/bash
demo	7:7::/:/sbin/nologin
@@ passwords
root	0123 19000:0
@@ groups
root	0:
demo	7:
@@ mounts
/	/dev/vda ext4 rw
@@ kernel
net.ipv4.ip_forward	0
fs.file-nr	1 2 3
@@ ports
tcp 00000000:0016 0A 0
tcp 0100007F:1538 0A 26
tcp 0100007F:1539 01 26
tcp6 00000000000000000000000001000000:1538 0A 26
udp 00000000:0044 07 0
udp 00000000:9C40 07 0
@@ network
route default via 10.0.0.1
@@ clock
now	1000
`

// after is the machine once it is upgraded.
var after = strings.NewReplacer(
	"demo-old\t0:1.0-1.noarch", "demo-new\t0:2.0-1.noarch", "demo-service\t0:1.0-1.noarch", "demo-service\t0:2.0-1.noarch",
	"/usr/bin/demo-old\t0\n", "/usr/bin/demo-new\t0\n/usr/share/demo-new/x\t0\n",
	"/usr/lib/systemd/system/demo-old.service\t0\n", "/usr/lib/systemd/system/demo-new.service\t0\n",
	"f 755 0:0 10 5.5 \t/usr/bin/demo\n", "f 755 0:0 11 6.5 \t/usr/bin/demo\n",
	"f 755 0:0 10 5.5 \t/usr/bin/demo-old\n", "f 755 0:0 10 5.5 \t/usr/bin/demo-new\nd 755 0:0 4096 6.5 \t/usr/share/demo-new\n",
	"2222", "2223", "3333", "3334",
	"f 644 0:0 3 5.5 \t/opt/demo/plugins/p", "d 755 0:0 1 5.5 \t/opt/demo/plugins/all\nf 644 0:0 3 5.5 \t/opt/demo/plugins/all/p",
	"/opt/demo/a/x", "/opt/demo/b/x",
	"f 600 0:0 3 5.5 \t/var/log2/demo/1", "f 600 7:0 3 5.5 \t/var/log2/demo/1\nd 755 0:0 1 1.5 \t/etc/demo\nf 640 7:7 1 1.5 \t/etc/demo/new.conf\nd 755 0:0 1 1.5 \t/var/lib/demo-early",
	"demo-old.service\tenabled", "demo-new.service\tenabled\ndemo-early.service\tenabled",
	"demo-old.service\tactive", "demo-new.service\tactive",
	"@@ digests\n", "@@ digests\n5555  /etc/demo/new.conf\n",
).Replace(before)

// report is what that upgrade says.
var report = Report{
	Did:    map[string]string{"/etc/demo.conf": "merged", "/etc/demo-service.conf": "updated", "/etc/demo/new.conf": "added"},
	Merged: map[string]string{"/etc/demo.conf": "2223", "/etc/demo-service.conf": "3334", "/etc/demo/new.conf": "5555"},
}

func parsed(text string) Picture { return Parse(text, time.Unix(900, 0)) }

func comparison(left ...release.LeftOut) Comparison {
	return Comparison{Manifest: demo(), LeftOut: NewLeftOut("demo-upgrade", left, manifest.New)}
}

func TestParse(t *testing.T) {
	t.Parallel()
	p := parsed(before)
	for _, c := range []struct{ part, name, want string }{
		{Files, "/opt/demo/env/a b", "f 755 7:7 sha256 4444"},
		{Files, "/usr/bin/sh", "l 777 0:0 to bash"},
		{Files, "/usr/bin/bash", "f 755 0:0 10 bytes of 5"},
		{Files, "/opt/demo/env", "d 755 7:7"},
		{Ports, "tcp 0.0.0.0:22", "uid 0"},
		{Ports, "tcp 127.0.0.1:5432", "uid 26"},
		{Ports, "tcp [::1]:5432", "uid 26"},
		{Ports, "udp 0.0.0.0:68", "uid 0"},
		{Units, "cron.service", ""},
		{Clock, "offset", "100"},
		{altered, "/etc/demo-service.conf", ""},
		{altered, "/opt/demo/lost", "missing     /opt/demo/lost"},
	} {
		if got := p[c.part][c.name]; got != c.want {
			t.Errorf("%s %s is %q, want %q", c.part, c.name, got, c.want)
		}
	}
	if len(p[Ports]) != 4 {
		t.Errorf("ports: %v", p[Ports])
	}
	if path, sum := digestLine(`\12  /a\\b\nc`); path != "/a\\b\nc" || sum != "12" {
		t.Errorf("an odd name: %q %q", path, sum)
	}
}

// one changes a line of a picture.
type one struct{ name, from, to, fault string } // fault "" for none

func check(t *testing.T, cases []one, text string, compare func(now Picture) []string) {
	t.Helper()
	for _, c := range cases {
		changed := strings.Replace(text, c.from, c.to, 1)
		if changed == text && c.from != c.to {
			t.Errorf("%s: the picture has no %q", c.name, c.from)
		}
		f := compare(parsed(changed))
		if c.fault == "" && len(f) > 0 || c.fault != "" && (len(f) != 1 || !strings.Contains(f[0], c.fault)) {
			t.Errorf("%s: %q, want %q", c.name, f, c.fault)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	was := parsed(before)
	check(t, []one{
		{"nothing", "", "", ""},
		{"content of a file", "1111", "1112", "file /etc/hosts is f 644 0:0 sha256 1112, was f 644 0:0 sha256 1111"},
		{"mode of a file", "f 644 0:0 3 5.5 \t/etc/hosts", "f 666 0:0 3 5.5 \t/etc/hosts", "file /etc/hosts is f 666"},
		{"owner of a folder", "d 755 7:7", "d 755 0:0", "file /opt/demo/env is d 755 0:0, was d 755 7:7"},
		{"time of a folder", "d 755 0:0 4096 1.5", "d 755 0:0 4096 2.5", ""},
		{"a file of others is written", "10 5.5 \t/usr/bin/bash", "10 6.5 \t/usr/bin/bash", "file /usr/bin/bash is f 755 0:0 10 bytes of 6"},
		{"a link", "5.5 bash\t", "5.5 dash\t", "file /usr/bin/sh is l 777 0:0 to dash"},
		{"a stray file", "@@ digests", "f 644 0:0 0 5.5 \t/usr/x\ny\n@@ digests", "file /usr/x is new"},
		{"a stray file with a line break", "@@ digests", "f 644 0:0 0 5.5 \t/usr/x\x01y\n@@ digests", `file "/usr/x\ny" is new`},
		{"a log", "3 5.5 \t/var/log/messages", "4 6.5 \t/var/log/messages", ""},
		{"the upgrade's own", "@@ digests", "f 644 0:0 0 5.5 \t/opt/demo-upgrade/x\nd 755 0:0 1 1.1 \t/etc/demo-upgrade\n@@ digests", ""},
		{"a file like the upgrade's own", "@@ digests", "f 644 0:0 0 5.5 \t/etc/demo-upgrade/x\n@@ digests", "file /etc/demo-upgrade/x is new"},
		{"a package of others", "bash\t0:5.2-1.x86_64\n", "", "package bash is gone"},
		{"an altered file", "@@ owned", "S.5....T.    /usr/bin/demo\n@@ owned", "a file is not as its package has it: S.5"},
		{"what a package requires", "@@ owned", "Unsatisfied dependencies for demo-1.0-1.noarch:\n@@ owned", "rpm -V says: Unsatisfied dependencies for demo-1.0-1.noarch:"},
		{"a path that a package requires", "@@ owned", "\t/bin/sh is needed by (installed) demo-1.0-1.noarch\n@@ owned", "rpm -V says: /bin/sh is needed by (installed) demo-1.0-1.noarch"},
		{"a unit file", "sshd.service\tenabled", "sshd.service\tdisabled", "unit file sshd.service is disabled, was enabled"},
		{"a unit stopped", "chronyd.service\tactive", "chronyd.service\tinactive", "unit chronyd.service is gone, was active"},
		{"a unit failed", "cron.service\tinactive", "cron.service\tfailed", "unit cron.service is new: failed"},
		{"a user", "@@ passwords", "intruder\t0:0::/:/bin/sh\n@@ passwords", "user intruder is new: 0:0::/:/bin/sh"},
		{"a password", "0123 19000", "0124 19000", "password of user root is another"},
		{"a group's member", "demo\t7:\n@@ mounts", "demo\t7:me\n@@ mounts", "group demo is 7:me, was 7:"},
		{"a port", "tcp 0100007F:1539 01", "tcp 00000000:1539 0A", "port tcp 0.0.0.0:5433 is new: uid 26"},
		{"a port is shut", "tcp 00000000:0016 0A 0\n", "", "port tcp 0.0.0.0:22 is gone"},
		{"a mount", "ext4 rw", "ext4 ro", "mount / is /dev/vda ext4 ro"},
		{"a setting of the kernel", "ip_forward\t0", "ip_forward\t1", "kernel setting net.ipv4.ip_forward is 1, was 0"},
		{"a counter of the kernel", "1 2 3", "1 2 4", ""},
		{"a route", "via 10.0.0.1", "via 10.0.0.2", "network: route default via 10.0.0.1 is gone|network: route default via 10.0.0.2 is new"},
		{"the clock", "now\t1000", "now\t4600", "the clock was set: it is 3700 s off, was 100 s"},
	}, before, func(now Picture) []string { return joined(comparison().Same(was, now)) })
}

// joined makes one text of several differences, as a route is two.
func joined(f []string) []string {
	if len(f) > 1 {
		return []string{strings.Join(f, "|")}
	}
	return f
}

func TestUpgraded(t *testing.T) {
	t.Parallel()
	was := parsed(before)
	check(t, []one{
		{"as it should be", "", "", ""},
		{"a file of the old release", "@@ digests", "f 755 0:0 10 5.5 \t/usr/bin/demo-old\n@@ digests", "file /usr/bin/demo-old of the old release is still there"},
		{"a folder of it that something is in", "@@ digests", "d 755 0:0 10 5.5 \t/usr/bin/demo-old\n@@ digests", ""},
		{"a file of the new release is gone", "f 755 0:0 11 6.5 \t/usr/bin/demo\n", "", "file /usr/bin/demo is gone"},
		{"an altered file", "@@ owned", "S.5....T.    /usr/bin/demo\n@@ owned", "a file is not as its package has it: S.5....T.    /usr/bin/demo"},
		{"content of configuration", "2223", "2224", "configuration /etc/demo.conf is not what the upgrade made of it"},
		{"mode of configuration", "f 640 0:7 3 5.5 \t/etc/demo.conf", "f 666 0:7 3 5.5 \t/etc/demo.conf", "configuration /etc/demo.conf has kind, mode and owner f 666 0:7, not f 640 0:7"},
		{"%config of a package is empty", "3334", "e3b0", "configuration /etc/demo-service.conf is not what the upgrade made of it"},
		{"%config of a package is gone", "f 644 0:0 3 5.5 \t/etc/demo-service.conf\n", "", "configuration /etc/demo-service.conf is gone"},
		{"owner of new configuration", "f 640 7:7 1 1.5", "f 640 0:0 1 1.5", "configuration /etc/demo/new.conf has kind, mode and owner f 640 0:0, not f 640 7:7"},
		{"state is gone", "f 755 7:7 3 5.5 \t/opt/demo/env/a b\n", "", "file /opt/demo/env/a b is gone"},
		{"state is new", "@@ digests", "f 644 7:7 1 1.5 \t/opt/demo/env/c\n@@ digests", "file /opt/demo/env/c is new"},
		{"a file did not move", "/opt/demo/b/x", "/opt/demo/a/x", "file /opt/demo/a/x is new: f 644 0:0 3 bytes of 5|file /opt/demo/b/x is gone"},
		{"a moved file has another mode", "f 644 0:0 3 5.5 \t/opt/demo/plugins/all/p", "f 600 0:0 3 5.5 \t/opt/demo/plugins/all/p", "file /opt/demo/plugins/all/p is f 600"},
		{"an owner that was not given", "f 600 7:0 3 5.5 \t/var/log2/demo/1", "f 600 0:0 3 5.5 \t/var/log2/demo/1", "file /var/log2/demo/1 is f 600 0:0"},
		{"a unit of both does not start at boot", "demo.service\tenabled", "demo.service\tdisabled", "unit file demo.service is disabled, was enabled"},
		{"a new unit does not start at boot", "demo-new.service\tenabled", "demo-new.service\tdisabled", "unit file demo-new.service is disabled: it does not start at boot"},
		{"a unit that came early does not start at boot", "demo-early.service\tenabled\n", "", "unit file demo-early.service is not there: it does not start at boot"},
		{"a unit of others", "sshd.service\tenabled", "sshd.service\tmasked", "unit file sshd.service is masked, was enabled"},
		{"a unit of others stopped", "chronyd.service\tactive\n", "", "unit chronyd.service is gone, was active"},
		{"a stray unit", "@@ users", "door2.service\tactive\n@@ users", "unit door2.service is new: active"},
		{"a user", "@@ passwords", "intruder\t0:0::/:/bin/sh\n@@ passwords", "user intruder is new: 0:0::/:/bin/sh"},
		{"a package of others", "bash\t0:5.2-1.x86_64\n", "", "package bash is gone"},
		{"data of what came early", "@@ digests", "f 644 0:0 1 1.5 \t/var/lib/demo-early/x\n@@ digests", ""},
	}, after, func(now Picture) []string { return joined(comparison().Upgraded(was, now, report)) })
}

// What clients write below state paths is theirs; what was there stays.
func TestWrites(t *testing.T) {
	t.Parallel()
	was := parsed(before)
	c := comparison()
	c.Writes = true
	cases := []one{
		{"a new file", "@@ digests", "f 644 7:7 1 1.5 \t/opt/demo/env/c\n@@ digests", ""},
		{"a new file elsewhere", "@@ digests", "f 644 7:7 1 1.5 \t/opt/demo/c\n@@ digests", "file /opt/demo/c is new"},
		{"a lost file", "f 755 7:7 3 5.5 \t/opt/demo/env/a b\n", "", "file /opt/demo/env/a b is gone"},
	}
	check(t, cases, before, func(now Picture) []string { return c.Same(was, now) })
	check(t, cases, after, func(now Picture) []string { return c.Upgraded(was, now, report) })
}

func TestLeftOut(t *testing.T) {
	t.Parallel()
	was := parsed(before)
	c := comparison(release.LeftOut{Part: "files", Name: "/opt/demo/env/a*"}, release.LeftOut{Part: "contents", Name: "/etc/hosts"},
		release.LeftOut{Part: "users", Name: "demo-*"}, release.LeftOut{Part: "ports", Name: "tcp 0.0.0.0:22", Only: manifest.Old})
	check(t, []one{
		{"a file", "4444", "4445", ""},
		{"content", "1111", "1112", ""},
		{"content, and mode too", "f 644 0:0 3 5.5 \t/etc/hosts", "f 666 0:0 3 5.5 \t/etc/hosts", "file /etc/hosts is f 666"},
		{"content of nothing", "f 644 0:0 3 5.5 \t/etc/hosts\n", "", "file /etc/hosts is gone"},
		{"a user", "@@ passwords\n", "demo-2\t8:8::/:/bin/sh\n@@ passwords\ndemo-2\t12\n", ""},
		{"what is left out of the old release alone", "tcp 00000000:0016 0A 0\n", "", "port tcp 0.0.0.0:22 is gone"},
	}, before, func(now Picture) []string { return c.Same(was, now) })
	if l := c.LeftOut.List(); l[0].Name != "/opt/demo/env/a*" || l[len(l)-1].Why == "" {
		t.Errorf("the list is %+v", l)
	}
	for _, o := range append(own("p"), always...) {
		if o.Why == "" {
			t.Errorf("%s %s is left out for no reason", o.Part, o.Name)
		}
	}
	for name, is := range map[string]bool{"/var/lib/pgsql/9.5/data/base/1/2": true, "/var/lib/pgsql/9.5/data/pg_wal": true, "/var/lib/pgsql/9.5/data/pg_hba.conf": false,
		"/var/lib/systemd/linger/x": false, "/etc/shadow-": true, "/etc/shadow.bak": false, "/tmp/x": true, "/usr/lib/x/__pycache__/y": true} {
		if c.LeftOut.Has(Files, name) != is {
			t.Errorf("%s is left out: %v", name, !is)
		}
	}
}

// What the upgrade has yum and dnf leave out is taken out of their files, and nothing else.
func TestHigher(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[main]\nexcludepkgs=a,demo-back-0:3.0-1.*\n": "[main]\nexcludepkgs=a\n",
		"[main]\nexcludepkgs=demo-back-0:3.0-1.*\n":   "[main]\nexcludepkgs=\n",
		"[main]\nexcludepkgs=demo-back-0:3x0-1.*\n":   "[main]\nexcludepkgs=demo-back-0:3x0-1.*\n",
	} {
		cmd := exec.Command("sed", higher(demo()))
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%q becomes %q, %v", text, out, err)
		}
	}
}

// The script runs on this machine, of whose files it lists one folder, and says what is here.
func TestScript(t *testing.T) {
	t.Parallel()
	m := demo()
	folder, err := os.MkdirTemp("/var/lib", "picture-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	m.State = []string{folder}
	odd, list := folder+"/it's a\n$file\\", filepath.Join(t.TempDir(), "mounts")
	if err := errors.Join(os.WriteFile(odd, []byte("x"), 0o600), os.WriteFile(list, []byte("/dev/x "+folder+" ext4 rw 0 0\nproc /proc proc rw 0 0\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-s")
	cmd.Stdin = strings.NewReader("{\nmounts=" + quote(list) + "\n" + Script(m) + "\n} </dev/null\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	p := Parse(string(out), time.Now())
	for _, part := range []string{Users, Groups, Mounts, Passwords, Kernel} {
		if len(p[part]) == 0 {
			t.Errorf("it says nothing of %s", part)
		}
	}
	const sum = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	if got, want := p[Files][odd], fmt.Sprintf("f 600 %d:%d sha256 %s", os.Getuid(), os.Getgid(), sum); got != want || len(p[Files]) != 2 {
		t.Errorf("the file is %q, want %q, in %v", got, want, p[Files])
	}
	units, err := exec.Command("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--full").Output()
	if err != nil {
		t.Fatal(err)
	}
	says, words := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(string(units)) {
		f := strings.Fields(line)
		says[f[0]], words[f[1]] = f[1], true
	}
	if !maps.Equal(p[Enabled], says) || !words["static"] || len(words) < 3 {
		t.Errorf("of unit files it says\n%v, and systemctl\n%v", p[Enabled], says)
	}
	if offset := p[Clock]["offset"]; offset != "0" && offset != "-1" {
		t.Errorf("the clock is %q s off", offset)
	}
}

func TestDigested(t *testing.T) {
	t.Parallel()
	if got, want := strings.Join(digested(demo()), " "), "/etc /opt/demo/a /opt/demo/b /opt/demo/env /opt/demo/plugins"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
