package certify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

// standIn is this machine with programs in its PATH that say what those of a machine of the product would, so that a whole scenario
// runs in a moment. It is reached through a program that stands for ssh and can break (via).
type standIn struct {
	t   *testing.T
	dir string // what the programs keep, and all that a test must not leave at work
	m   *manifest.Manifest
	o   Options
}

// The programs. $STANDIN is the folder of the stand-in.
var standInPrograms = map[string]string{
	"rpm": `case "$*" in
--version) echo "RPM version 4.18.0" ;;
*EPOCHNUM*) cat "$STANDIN/packages" ;;
-qa*) cut -f 1 "$STANDIN/packages" ;;
*FILENAMES*) printf '/usr/bin/demo\t0\n' ;;
esac`,
	// It reboots by another number in "boots", and notes in "told" in which call. Once it is "starting".
	"systemctl": `case "$*" in
--version) echo "systemd 252" ;;
list-unit-files*) echo "demo.service enabled" ;;
list-units*) echo "demo.service loaded active running" ;;
*-hold.service) echo inactive ;;
is-system-running)
	cp "$STANDIN/calls" "$STANDIN/up"
	[ ! -e "$STANDIN/starting" ] || { rm "$STANDIN/starting"; echo starting; exit 1; }
	echo degraded ;;
reboot) echo x >>"$STANDIN/boots"; cp "$STANDIN/calls" "$STANDIN/told" ;;
*) echo active ;;
esac`,
	// What is this machine's own in a picture: others change it while tests run, and its disks are large.
	"awk": `case "$*" in
*/proc/1/stat) cat "$STANDIN/boots" 2>/dev/null | wc -l ;;
*'ext[234]'*) echo / ;;
*/proc/self/mounts) printf '/\t/dev/vda ext4 rw\n' ;;
*/proc/net/*) ;;
*) PATH=${PATH#*:}; exec awk "$@" ;;
esac`,
	"find": `case "$*" in
*%T@*) printf 'f 755 0:0 10 5.5 \t/usr/bin/demo\0'; [ ! -e "$STANDIN/full" ] || yes /usr/bin/many | tr '\n' '\0' ;;
esac`,
	"sysctl":         `echo "net.ipv4.ip_forward = 0"`,
	"ip":             `:`,
	"nft":            `:`,
	"iptables-save":  `:`,
	"ip6tables-save": `:`,
	"curl":           `case "$*" in *"-o /dev/null"*) printf 200 ;; *) printf '{}\n200' ;; esac`,
	"psql": `sql="$* $(cat)"
case $sql in
*server_version_num*) echo 1500 ;;
*server_version*) echo 15.1 ;;
*proof*) echo 1 ;;
*certify_row*) echo '["rows", 0, 3, "123", ["7"]]' ;;
*pg_roles*) printf '["table", "public", "things", ["id"], ""]\n["role", "role demo", "login"]\n["role", "database", "of demo"]\n' ;;
esac`,
	"pg_dump": `case "$*" in
--version) echo "pg_dump (PostgreSQL) 15.1" ;;
*) printf -- '--\n-- Name: things; Type: TABLE; Schema: public; Owner: demo\n--\n\nCREATE TABLE public.things (id integer);\n' ;;
esac`,
	"yum": `[ ! -e "$STANDIN/another" ] || cp "$STANDIN/another" "$STANDIN/bundle"
[ ! -e "$STANDIN/phase" ] || echo broken >"$STANDIN/phase"
printf 'demo-service\t0:2.0-1.noarch\n' >"$STANDIN/packages"`,
	"upgrade": `case $* in
wait)
	[ ! -e "$STANDIN/hangs" ] || exec sleep 1000
	[ ! -e "$STANDIN/dies" ] || { sleep 1; kill -9 0; }
	[ ! -e "$STANDIN/phase" ] || exit "$(cat "$STANDIN/wait-$(cat "$STANDIN/phase")")" ;;
"agents wait --json") phase=$(cat "$STANDIN/phase"); cat "$STANDIN/record-$phase"; exit "$(cat "$STANDIN/code-$phase")" ;;
"agents resume") [ ! -e "$STANDIN/resume-fails" ] || { echo no; exit 5; } ;;
report*) echo '{"outcome": "done", "window": "1s", "window_measured": true}' ;;
log*) echo "the log" ;;
esac`,
	// Stands for ssh. Files say what is wrong with it: "greets" has what a login prints, "breaks" in which call, and as which of the
	// cases below; that is counted in "calls".
	"via": `n=0; [ ! -e "$STANDIN/calls" ] || read -r n <"$STANDIN/calls"
n=$((n + 1)); echo $n >"$STANDIN/calls"
[ ! -e "$STANDIN/greets" ] || { cat "$STANDIN/greets"; cat "$STANDIN/greets" >&2; }
how=none
[ ! -e "$STANDIN/breaks" ] || { read -r from to how; [ $n -ge $from ] && [ $n -le $to ] || how=none; } <"$STANDIN/breaks"
lost="Connection to vm closed by remote host."
case $how in
none) exec "$@" ;;
refused) echo "ssh: connect to host vm port 22: Connection refused" >&2; exit 255 ;;
request) head -c 200 | "$@"; echo "$lost" >&2; exit 255 ;;
answer) "$@" | head -c 45; echo "$lost" >&2; exit 255 ;;
end) "$@"; echo "$lost" >&2; exit 255 ;;
silent) sleep 1000 ;;
killed) sleep 1000 & kill -9 $$ ;;
other) "$@" | head -c 45; exit 0 ;;
esac`,
}

func newStandIn(t *testing.T) *standIn {
	t.Helper()
	folder, err := os.MkdirTemp("/var/tmp", "standin-*-certify") // what a run uses on a machine
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	prefix := strings.TrimSuffix(filepath.Base(folder), "-certify")
	s := &standIn{t: t, dir: t.TempDir()}
	for name, text := range standInPrograms {
		if name == "upgrade" {
			name = prefix
		}
		s.write("bin/"+name, "#!/bin/sh\n"+text+"\n", 0o700)
	}
	s.write("db.conf", "HOST=127.0.0.1\nNAME=demo\nUSER=demo\n", 0o600)
	s.write("bundle", strings.Repeat("bundle", 10000), 0o600)
	ask := &manifest.Expects{Query: "select 'proof'", Value: "1"}
	s.m = &manifest.Manifest{
		Prefix: prefix, From: "1.0", To: "2.0", Limits: manifest.Limits{Window: manifest.Duration(time.Minute)},
		Old: []manifest.Package{pkg("demo-service", "1.0")}, New: []manifest.Package{pkg("demo-service", "2.0")},
		Services: []manifest.Service{{Unit: "demo", Health: &manifest.Health{HTTP: "http://127.0.0.1/", Expect: manifest.Expect{Status: 200}}}},
		Databases: []manifest.Database{{Name: "main", Programs: []string{s.dir + "/bin"}, Expects: ask, Becomes: ask, Connection: manifest.Connection{File: filepath.Join(s.dir, "db.conf"), Format: "env",
			Keys: manifest.ConnectionKeys{Host: "HOST", Database: "NAME", User: "USER"}}}},
	}
	s.o = Options{Bundle: filepath.Join(s.dir, "bundle"), Manifest: s.m, Only: []string{Fresh}, Limit: time.Hour, Tell: func(_, format string, a ...any) { t.Logf(format, a...) },
		Checks: Checks{Scripts: []Script{{Check: Check{Name: "data.sh"}, text: []byte("echo checked\n")}}}}
	text, err := os.ReadFile(s.o.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	s.o.SHA256 = fmt.Sprintf("%x", sha256.Sum256(text))
	f, err := s.machine().facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(f.Version, ".")
	s.o.Platform = f.distribution() + version + "." + f.Arch
	s.putBack()
	return s
}

// machine is the stand-in, reached by the program that may break.
func (s *standIn) machine() Machine {
	return Machine{Via: "env STANDIN=" + s.dir + ` PATH="` + s.dir + `/bin:$PATH" via`}
}

// briefPicture says of the stand-in what the whole script does, by a program or two instead of a hundred.
const briefPicture = `echo '@@ packages'; cat "$STANDIN/packages"; printf '@@ services\ndemo\tactive\n@@ owned\n/usr/bin/demo\t0\n@@ files\nf 755 0:0 10 5.5 \t/usr/bin/demo\n'
printf '@@ enabled\ndemo.service\tenabled\n@@ units\ndemo.service\tactive\n@@ users\n'`

// on are the options for a machine.
func (o Options) on(m Machines) Options {
	o.Machines = m
	return o
}

// remote is the stand-in with a command that puts it back.
func (s *standIn) remote() Remote {
	return Remote{Machine: s.machine(), Reset: "echo x >>" + s.dir + "/resets; rm -f " + s.dir + "/calls; printf 'demo-service\\t0:1.0-1.noarch\\n' >" + s.dir + "/packages"}
}

// putBack makes it the old release, never called.
func (s *standIn) putBack() {
	s.t.Helper()
	s.write("packages", "demo-service\t0:1.0-1.noarch\n", 0o600)
	for _, name := range []string{"calls", "resets"} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
	}
}

func (s *standIn) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
		s.t.Fatal(err)
	}
}

// calls is how often it was reached.
func (s *standIn) calls() int {
	s.t.Helper()
	return s.number("calls")
}

// number is what a file of it says.
func (s *standIn) number(name string) (n int) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err == nil {
		_, err = fmt.Sscan(string(text), &n)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// nothingWorks wants no process of the stand-in to be there: what runs behind its prefix, here and there, has its folder in its environment.
func (s *standIn) nothingWorks() {
	s.t.Helper()
	var left []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left = nil
		all, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil || len(all) == 0 {
			s.t.Fatalf("no processes: %v", err)
		}
		for _, path := range all {
			if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), "STANDIN="+s.dir) {
				command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
				left = append(left, strings.ReplaceAll(string(command), "\x00", " "))
			}
		}
		if len(left) == 0 {
			return
		}
	}
	s.t.Errorf("still at work: %q", left)
}
