package platforms

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/host"
	"onerpm/test/machinecheck"
	"onerpm/test/trial"
)

const (
	prefix = machinecheck.Prefix
	from   = "4.1.1"
	to     = "4.2.0"
	bundle = "/root/" + prefix + "-" + to + ".rpm" // in a machine
)

var update = flag.Bool("update", false, "write docs/platforms.md from results.jsonl and differences.md")

// course is a machine on which some tests run, one after another.
type course struct {
	name  string
	parts []part
	disk  int  // MiB of a disk of its own
	odd   bool // the bundle has one package more, see odd_test.go
}

type part struct {
	name string
	try  func(t testing.TB, m *host.Machine, r *Row)
}

var courses = []course{
	{name: "install", parts: []part{{asked, ask}, {refused, refuse}, {upgraded, install}}},
	{name: "back", disk: 2048, parts: []part{{cut, cutPower}, {failed, fail}}},
	{name: "odd", odd: true, parts: []part{{untouched, leaveAlone}, {named, failOdd}, {again, retry}}},
	{name: "signatures", parts: []part{{signed, verify}}},
	{name: "unattended", parts: []part{{behind, waitForUpdate}}},
	{name: "packagekit", parts: []part{{resident, passPackageKit}}},
	{name: "copy", parts: []part{{copied, installFromCopy}}},
	{name: "updates", parts: []part{{waited, waitForDNF}, {nightly, updateAtNight}}},
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	wanted, err := Named()
	if err != nil {
		t.Fatal(err)
	}
	var kept *trial.Results[Head, Row]
	engine := machinecheck.EngineDigest(t)
	list := Usual
	if len(wanted) > 0 {
		if kept, err = Open(); err != nil {
			t.Fatal(err)
		}
		kept.Head.Engine, list = engine, wanted
		kept.Keep(func(r Row) bool { return !slices.Contains(wanted, r.Platform) || strings.HasPrefix(r.Test, CrashPoint) })
	}
	odd := buildOdd(t)
	for _, platform := range list {
		for _, c := range courses {
			t.Run(platform+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				m := host.Start(t, host.Options{Platform: platform, Release: from, Data: true, DiskMiB: c.disk})
				file := machinecheck.Bundle(t, to)
				if c.odd {
					file = odd
				}
				if err := m.CopyIn(file, bundle); err != nil {
					t.Fatal(err)
				}
				for _, p := range c.parts {
					if !one(t, m, p, Row{Platform: platform, Test: p.name, Engine: engine}, kept) {
						return // the machine is not what the next one begins with
					}
				}
			})
		}
	}
}

// one runs a test and keeps its result.
func one(t *testing.T, m *host.Machine, p part, r Row, kept *trial.Results[Head, Row]) bool {
	return t.Run(p.name, func(t *testing.T) {
		heard, began := &trial.Listener{TB: t}, time.Now()
		ended := false
		defer func() {
			if r.Trouble = heard.First; r.Trouble == "" && !ended {
				r.Trouble = "the test was ended"
			}
			r.Seconds = int(time.Since(began).Seconds())
			if err := kept.Add(r); err != nil {
				t.Error(err)
			}
		}()
		p.try(heard, m, &r)
		ended = true
	})
}

// ask notes what a machine is.
func ask(t testing.TB, m *host.Machine, r *Row) {
	said := strings.Split(m.Sh(t, `. /etc/os-release; echo "$PRETTY_NAME"
rpm --version | grep -oE '[0-9][0-9.]*'
dnf --version | sed -E '1s/.* //;q'
systemctl --version | sed -nE '1s/.*\(([^)]*)\).*/\1/p'
psql --version | grep -oE '[0-9][0-9.]*' | head -1
nginx -v 2>&1 | grep -oE '[0-9][0-9.]*'
uname -r | cut -d. -f1-2`), "\n")
	if len(said) != 7 {
		t.Fatalf("the machine says of itself: %q", said)
	}
	r.System = &System{time.Now().Format(time.DateOnly), said[0], said[1], said[2], said[3], said[4], said[5], said[6]}
}

// whole is what must be as it was after a way back or a refusal, and who there is.
func whole(t testing.TB, m *host.Machine) map[string]string {
	t.Helper()
	found := machinecheck.Whole(t, m)
	for _, kind := range []string{"passwd", "group"} {
		for line := range strings.Lines(m.Sh(t, "getent "+kind)) {
			found[kind+" "+strings.TrimSpace(line)] = ""
		}
	}
	return found
}

// terminal runs a command as a person does, on a terminal, and returns its exit code and what was seen there.
func terminal(t testing.TB, m *host.Machine, command string) (code int, seen string) {
	t.Helper()
	return m.ShCode(t, "TERM=xterm script --quiet --return --command 'stty cols 200; "+command+"' /root/typescript")
}

// refuse gives the bundle two reasons to refuse, one that the gate meets before anything is installed and one that only check meets.
func refuse(t testing.TB, m *host.Machine, _ *Row) {
	clean := whole(t, m)
	m.Sh(t, "cp -a /var/lib/rpm /root/rpm; rpm -e --justdb --nodeps --noscripts cloudify-stage")
	before := whole(t, m)
	code, seen := terminal(t, m, "yum install -y "+bundle)
	if code == 0 || !strings.Contains(seen, "cloudify-stage") || !strings.Contains(seen, "Nothing was changed") {
		t.Errorf("a product that is not whole: exit %d\n%s", code, seen)
	}
	machinecheck.Same(t, "before and after the gate's refusal", before, whole(t, m))
	m.Sh(t, "rm -rf /var/lib/rpm; mv /root/rpm /var/lib/rpm; echo 'bogus on;' > /etc/nginx/conf.d/zz-ours.conf")
	before = whole(t, m)
	code, seen = terminal(t, m, "yum install -y "+bundle)
	if code != 0 || !strings.Contains(seen, "verify-fails") || !strings.Contains(seen, "was not started") || strings.Contains(seen, "database-unreachable") {
		t.Errorf("a configuration that nginx does not read: exit %d\n%s", code, seen)
	}
	if code, said := m.ShCode(t, prefix+" wait"); code == 0 {
		t.Errorf("wait says that all is well after a refusal:\n%s", said)
	}
	machinecheck.Same(t, "before and after check's refusal", before, whole(t, m))
	m.Sh(t, "rpm -e "+prefix+"-"+to+"; rm /etc/nginx/conf.d/zz-ours.conf")
	machinecheck.Same(t, "before and after both refusals", clean, whole(t, m))
}

// install does what a customer does.
func install(t testing.TB, m *host.Machine, r *Row) {
	code, seen := terminal(t, m, "yum install -y "+bundle+" && "+prefix+" wait")
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, seen, machinecheck.Report(t, m))
	}
	machinecheck.New(t, m, to)
	r.Window = reported(t, m)
}

// reported is the window that a machine's upgrade tells of, in seconds.
func reported(t testing.TB, m *host.Machine) float64 {
	t.Helper()
	var report struct {
		Window manifest.Duration `json:"window"`
	}
	if err := json.Unmarshal([]byte(m.Sh(t, prefix+" report --json")), &report); err != nil {
		t.Fatal(err)
	}
	return report.Window.D().Seconds()
}

// manual has an installed bundle wait for an admin's word.
const manual = "mkdir -p /etc/" + prefix + " && touch /etc/" + prefix + "/manual && dnf install -y " + bundle

// everything is whole, and what packages and systemd keep in /var/lib, but for the running database, which is compared by its rows,
// and the shared memory of rpm's older database, which every reader writes.
func everything(t testing.TB, m *host.Machine) map[string]string {
	t.Helper()
	found := whole(t, m)
	for path, is := range machinecheck.Files(t, m, "/var/lib") {
		if !strings.HasPrefix(path, "/var/lib/postgresql/") && !strings.HasPrefix(path, "/var/lib/"+prefix) && !strings.HasPrefix(path, "/var/lib/rpm/__db.") {
			found[path] = is
		}
	}
	found["services"] = m.Sh(t, "systemctl show -P MainPID,ExecMainStartTimestampMonotonic,NRestarts cloudify-restservice cloudify-mgmtworker nginx postgresql")
	return found
}

// leaveAlone lets the bundle look at the machine and try the upgrade on copies.
func leaveAlone(t testing.TB, m *host.Machine, _ *Row) {
	m.Sh(t, manual)
	before := everything(t, m)
	for _, command := range []string{"check", "rehearse"} {
		if code, said := m.ShCode(t, prefix+" "+command); code != 0 {
			t.Errorf("%s: exit %d\n%s", command, code, said)
		}
		machinecheck.Same(t, "before and after "+command, before, everything(t, m))
	}
}

// fail keeps the new release from starting.
func fail(t testing.TB, m *host.Machine, _ *Row) {
	before := goBack(t, m)
	machinecheck.Same(t, "before and after the way back", before, whole(t, m))
}

// failOdd does it with a bundle whose packages make a user: it may stay, as files may belong to it, and is then named.
func failOdd(t testing.TB, m *host.Machine, _ *Row) {
	before := goBack(t, m)
	after := whole(t, m)
	if code, _ := m.ShCode(t, "getent passwd "+oddUser); code == 0 {
		if report := m.Sh(t, prefix+" report"); !strings.Contains(report, oddUser) {
			t.Errorf("the user %s stays, and the report does not say so:\n%s", oddUser, report)
		}
		for _, found := range []map[string]string{before, after} {
			maps.DeleteFunc(found, func(what, _ string) bool { return accounts.MatchString(what) })
		}
	}
	machinecheck.Same(t, "before and after the way back", before, after)
	m.Sh(t, machinecheck.Mend)
}

// accounts are the files of users, and the lines of the odd one.
var accounts = regexp.MustCompile(`^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^(passwd|group) ` + oddUser + `:`)

// goBack tries an upgrade whose new release does not start, and returns what the machine was before.
func goBack(t testing.TB, m *host.Machine) map[string]string {
	t.Helper()
	m.Sh(t, machinecheck.Spoil(to))
	before := whole(t, m)
	if code, said := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 4 {
		t.Fatalf("exit %d, want 4\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	machinecheck.Old(t, m, to)
	return before
}

// retry starts the bundle that has gone back.
func retry(t testing.TB, m *host.Machine, _ *Row) {
	if code, said := m.ShCode(t, prefix+" start && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	machinecheck.New(t, m, to)
	m.Sh(t, "getent passwd "+oddUser+"; systemd-tmpfiles --create; test $(stat -c %U "+oddFolder+") = "+oddUser)
}

// names is the index of names of rpm's database where that is a Berkeley DB, which has its packages in another file.
const names = "/var/lib/rpm/Name"

// cutPower takes the machine's power while rpm changes its packages. Of a Berkeley DB the first package is on the disk then, and the index
// of names is as it was before, as a power cut may leave it.
func cutPower(t testing.TB, m *host.Machine, _ *Row) {
	before := whole(t, m)
	code, _ := m.ShCode(t, "test -e "+names)
	berkeley := code == 0
	if berkeley {
		m.Sh(t, "cp "+names+" /root/names && sync")
	}
	m.Sh(t, "dnf install -y "+bundle)
	if reached := m.Sh(t, `for i in $(seq 9000); do
		grep -qs '"name": "packages to new"' /var/lib/`+prefix+`/*/journal.json && echo yes && exit
		grep -qs '"outcome": "[a-z]' /var/lib/`+prefix+`/*/journal.json && exit
		systemctl -q is-active `+prefix+` || exit 0
		sleep 0.02
	done`); reached != "yes" {
		t.Fatalf("the upgrade never came to its packages\n%s", machinecheck.Report(t, m))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if berkeley {
		m.Sh(t, `for i in $(seq 3000); do
			rpm -qa 'cloudify-*' | grep -v ^`+prefix+` | grep -q -e -`+to+`- && sync && exit
			sleep 0.01
		done
		exit 1`)
	}
	err := m.PowerCut(ctx)
	if err == nil && berkeley {
		err = os.Rename(m.Path("/root/names"), m.Path(names))
	}
	if err == nil {
		err = m.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, said := m.ShCode(t, prefix+" wait"); code != 4 {
		t.Fatalf("exit %d, want 4\n%s\n%s", code, said, machinecheck.Report(t, m))
	}
	machinecheck.Old(t, m, to)
	machinecheck.Same(t, "before and after the power cut", before, whole(t, m))
}

// verify has rpm demand a signature of every package by a key that it knows.
func verify(t testing.TB, m *host.Machine, r *Row) {
	m.Sh(t, "echo '%_pkgverify_level all' > /etc/rpm/macros.verify")
	before := whole(t, m)
	r.Words = Words{}
	for what, command := range map[string]string{unknownK: "rpm -K", unknownU: "rpm -U", unknownG: "dnf install -y --setopt=localpkg_gpgcheck=1"} {
		code, seen := m.ShCode(t, command+" "+bundle)
		if code == 0 {
			t.Errorf("%s: a signature by a key that rpm does not know is taken:\n%s", command, seen)
		}
		r.Words[what] = telling(seen)
	}
	machinecheck.Same(t, "before and after", before, whole(t, m))
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual")
	code, seen := m.ShCode(t, "dnf install -y "+bundle)
	r.Words[unknownI] = fmt.Sprintf("exit %d: %s", code, telling(seen))
	m.ShCode(t, "rpm -e "+prefix+"-"+to+"; rm /etc/"+prefix+"/manual")
	if err := m.CopyIn("../keys/demo.pub.asc", "/root/demo.pub.asc"); err != nil {
		t.Fatal(err)
	}
	m.Sh(t, "rpm --import /root/demo.pub.asc")
	r.Words[knownK] = telling(m.Sh(t, "rpm -K "+bundle))
	code, seen = terminal(t, m, "dnf install -y --setopt=localpkg_gpgcheck=1 "+bundle+" && "+prefix+" wait")
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, seen, machinecheck.Report(t, m))
	}
	machinecheck.New(t, m, to)
}

// telling is the line that speaks of the signature, without the file's folder.
func telling(said string) string {
	for _, about := range []*regexp.Regexp{decides, mentions} {
		for line := range strings.Lines(said) {
			if about.MatchString(line) {
				return strings.ReplaceAll(strings.TrimSpace(line), "/root/", "")
			}
		}
	}
	return ""
}

var (
	decides  = regexp.MustCompile(`does not verify|GPG check FAILED|OpenPGP check|signature check`)
	mentions = regexp.MustCompile(`(?i)signature`)
)

// TestPage holds the page against the results.
func TestPage(t *testing.T) {
	if names, err := Named(); err != nil || len(names) > 0 {
		return // the page is being written
	}
	r, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := r.WritePage(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("../../docs/platforms.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != r.Page() {
		t.Error("docs/platforms.md does not show the results; run go test ./test/platforms -run TestPage -update")
	}
}

// The page says what each platform is, what passed, failed and was not tried there.
func TestDraw(t *testing.T) {
	t.Parallel()
	text := draw(Head{Engine: "now"}, []Row{
		{Platform: "debian12", Test: asked, Engine: "now", System: &System{Date: "2020-02-02", Name: "Debian", RPM: "4.18.0", DNF: "4.14.0", Systemd: "252", PostgreSQL: "15.1", Nginx: "1.22", Kernel: "6.1"}},
		{Platform: "debian12", Test: upgraded, Engine: "now", Window: 3.25},
		{Platform: "debian12", Test: alone, Engine: "now", Window: 1.234},
		{Platform: "debian13", Test: upgraded, Engine: "now", Trouble: "a|b"},
		{Platform: "debian13", Test: CrashPoint + "one", Engine: "now"},
		{Platform: "debian13", Test: CrashPoint + "two", Engine: "now", Trouble: "lost"},
	})
	for _, want := range []string{
		"| debian12 | Debian | 4.18.0 | 4.14.0 | 252 | 15.1 | 1.22 | 6.1 | 2020-02-02 |\n",
		"wait` upgrades | not tried | passed | **failed** | not tried |\n",
		" 0 of 0 | 0 of 0 | 1 of 2 | 0 of 0 |\n",
		"| time out of service of that upgrade, one machine at a time: median of 3 | | 1.23 s | | |\n",
		"| beside several others on one machine | | 3.2 s | | |\n",
		"| debian13 | " + upgraded + " | `a\\|b` |\n| debian13 | dies at two | `lost` |\n",
		"## Differences\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if text := draw(Head{}, nil); strings.Contains(text, "What failed") {
		t.Errorf("nothing failed:\n%s", text)
	}
}

// ONERPM_PLATFORMS names platforms; another word is a mistake.
func TestNamed(t *testing.T) {
	for text, want := range map[string]string{"": "[]", "all": fmt.Sprint(host.Platforms()), "debian11,debian14": "[debian11 debian14]", "debian10": "error"} {
		t.Setenv("ONERPM_PLATFORMS", text)
		names, err := Named()
		got := fmt.Sprint(names)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
