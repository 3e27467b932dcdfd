package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// prefix is the name of the product's bundles.
const prefix = machinecheck.Prefix

// diskMiB is the disk of a machine whose power is cut.
const diskMiB = 2048

// triesEach is how often a machine that a try has left old is used.
const triesEach = 6

// recorded is what a run without a crash has shown of a scenario.
type recorded struct {
	platform string
	bundle   string
	points   []point
	old      map[string]string // the whole machine before
	new      map[string]string // and after; of a scenario that ends so
	without  machinecheck.Without
}

// machine is a test machine that waits for an upgrade.
type machine struct {
	*host.Machine
	in    scenario
	tries int
}

// slowed are the databases that a jump meets, which come up late when slowConf lies in their drop-ins.
func (j jump) slowed() []string {
	if j == first {
		return []string{"elasticsearch", "postgresql@15-main"}
	}
	return []string{"postgresql@15-main"}
}

func slowConf(unit string) string { return "/etc/systemd/system/" + unit + ".service.d/90-slow.conf" }

// boot makes a machine with data and everything that an upgrade of a scenario needs.
func boot(t testing.TB, platform string, s scenario, bundle string) *machine {
	t.Helper()
	m, err := host.Boot(t.Context(), host.Options{Platform: platform, Release: s.From, Data: true, DiskMiB: diskMiB})
	if err != nil {
		t.Fatalf("boot a test machine: %v", err)
	}
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		t.Fatal(err)
	}
	if s.jump == first {
		m.Sh(t, machinecheck.Administrator("admin", "open-sesame-42")) // as whom the client writes later
	}
	m.Sh(t, s.spoil())
	return &machine{Machine: m, in: s}
}

// end stops the machine; there may be none.
func (m *machine) end(t testing.TB) {
	t.Helper()
	if m == nil {
		return
	}
	if err := m.Stop(); err != nil {
		t.Errorf("stop the test machine: %v", err)
	}
}

// fits says whether a machine on which an attempt has ended will do for a try: the bundle is there, so that
// what happens as it comes cannot be tried.
func (m *machine) fits(c try) bool { return m != nil && m.in == c.in && !c.at.beginning() }

// prepareBegins is the step in which the upgrade may still meet the dnf that brought it.
const prepareBegins = "wait for other package managers"

func (p point) beginning() bool { return p.Phase == "start" || p.Step == prepareBegins }

// byHand is what a customer types.
const byHand = "dnf install -y /root/bundle.rpm"

// begin is how the upgrade is begun: rpm does for a point that comes after dnf's part, in a tenth of the
// time, and a machine that was upgraded before has the bundle.
func (m *machine) begin(p point) string {
	switch {
	case m.tries > 1:
		return prefix + " start"
	case p.beginning():
		return byHand
	}
	return "rpm -i --nosignature /root/bundle.rpm"
}

// record runs a scenario through, without a crash.
func record(t testing.TB, platform string, s scenario, bundle string) *recorded {
	t.Helper()
	m := boot(t, platform, s, bundle)
	defer m.end(t)
	found := &recorded{platform: platform, bundle: bundle, old: machinecheck.Whole(t, m.Machine), without: machinecheck.WithoutWrites(t, m.Machine)}
	m.Sh(t, "mkdir "+crashDir+"; touch "+crashDir+"/trace; "+byHand)
	finish(t, m, s.ends)
	var err error
	if found.points, err = parseTrace(m.Sh(t, "cat "+crashDir+"/trace")); err != nil {
		t.Fatal(err)
	}
	for phase, want := range lastOf {
		if got := lastStep(found.points, phase); s.course == forward && got != want {
			t.Errorf("the last step of %s is %q, and the rule says %q", phase, got, want)
		}
	}
	if s.ends == isOld {
		machinecheck.Same(t, "before and after the way back", found.old, machinecheck.Whole(t, m.Machine))
		return found
	}
	found.new = machinecheck.WholeNew(t, m.Machine, found.without)
	return found
}

// lastStep is the step of a phase's last point.
func lastStep(points []point, phase string) string {
	last := ""
	for _, p := range points {
		if p.Phase == phase {
			last = p.Step
		}
	}
	return last
}

// outcome is how a try ended.
type outcome struct {
	side  side
	acked int // writes that were acknowledged right before the death
}

// crash runs a scenario on a machine, lets it die at a point, and proves
// that it came to its side by itself, with what a client was told at the last moment.
func crash(t testing.TB, m *machine, c try, known *recorded, o *outcome) {
	t.Helper()
	m.tries++
	sequences := machinecheck.Sequences(t, m.Machine, known.without)
	m.Sh(t, fmt.Sprintf("rm -rf %[1]s; mkdir %[1]s; cat > %[1]s/die-at <<'POINT'\n%[2]s\nPOINT\nsync -f /root", crashDir, c.at.name()))
	m.Sh(t, "("+m.begin(c.at)+") >/root/begin.log 2>&1 </dev/null & echo $! >"+crashDir+"/begin")
	awaitPoint(t, m, c.at)
	client := &machinecheck.Client{Machine: m.Machine, Name: fmt.Sprintf("crash-%d", m.tries)}
	write(t, client, known.serves(c.at))
	o.acked = client.Acknowledged()
	if c.way == killed {
		kill(t, m)
	} else {
		keep(t, client)
		powerCut(t, m, c.way)
	}
	if c.at.Phase == "start" {
		startAgain(t, m, known)
	}
	got := finish(t, m, c.in.must(c.at, c.way))
	client.Lost(t)
	if got == isNew {
		machinecheck.Same(t, "the new release after a crash and without one", known.new, machinecheck.WholeNew(t, m.Machine, known.without))
	} else {
		machinecheck.Same(t, "the old release before and after", known.old, machinecheck.WholeWithout(t, m.Machine, known.without))
		machinecheck.SameSequences(t, sequences, machinecheck.Sequences(t, m.Machine, known.without), c.way != killed)
	}
	o.side = got
}

// awaitPoint waits until the engine stands still at the point.
func awaitPoint(t testing.TB, m *machine, p point) {
	t.Helper()
	here, err := m.Inside(crashDir + "/here")
	if err != nil {
		t.Fatal(err)
	}
	for looks := 1; ; looks++ {
		reached, err := os.ReadFile(here)
		if err == nil && len(reached) > 0 {
			if got := strings.TrimSpace(string(reached)); got != p.name() {
				t.Fatalf("another point was reached: %s\n%s", got, machinecheck.Report(t, m.Machine))
			}
			return
		}
		if looks%atEnd == 0 {
			word := m.Sh(t, `[ ! -d /proc/$(cat `+crashDir+`/begin) ] || exit 0
				word=$(cat /var/lib/`+prefix+`/state)
				[ "$word" = running ] || systemctl -q is-active `+prefix+` || [ -e `+crashDir+`/here ] || echo "ended: $word"`)
			if word != "" {
				t.Fatalf("the point was not reached, the attempt has %s\n%s", word, machinecheck.Report(t, m.Machine))
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// atEnd is after how many looks for the point the attempt is asked whether it has ended: that takes some programs.
const atEnd = 40

// How a client writes while the engine stands still: a few uploads, until it is not let in. Where the
// product serves it is, however busy the test's own host may be.
const (
	uploads     = 2
	answerLimit = time.Second
	serveLimit  = time.Minute
)

func write(t testing.TB, client *machinecheck.Client, serves bool) {
	t.Helper()
	limit := answerLimit
	if serves {
		limit = serveLimit
	}
	for n := range uploads {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := client.Upload(ctx, machinecheck.Blueprint(fmt.Sprint("upload ", n)))
		cancel()
		switch {
		case err != nil && serves:
			t.Errorf("the product serves at this point, and does not take an upload: %v", err)
			return
		case err != nil:
			return
		}
	}
}

// keep makes what a client was told durable before a power cut where Elasticsearch has it, which forgets the last five seconds
// then, and uploads once more: that may be lost, and the machine comes to its side all the same.
func keep(t testing.TB, client *machinecheck.Client) {
	t.Helper()
	if client.Acknowledged() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), serveLimit)
	defer cancel()
	if !client.Flush(ctx, t) {
		return
	}
	forgotten := &machinecheck.Client{Machine: client.Machine, Name: client.Name + "-forgotten"}
	if err := forgotten.Upload(ctx, machinecheck.Blueprint("forgotten")); err != nil {
		t.Errorf("the product has taken uploads at this point, and does not take another: %v", err)
	}
}

// opened is the step after which clients are let in again.
const opened = "after open the door"

// serves says whether clients are let in at a point.
func (r *recorded) serves(p point) bool {
	switch p.Phase {
	case "start", "prepare", "done", "back, from prepare":
		return true
	}
	door := slices.IndexFunc(r.points, func(o point) bool { return o.Phase == p.Phase && o.Step == opened })
	return door >= 0 && slices.Index(r.points, p) >= door
}

// standsStill is how long an engine may take from the word that it has come to its point to standing still there.
const standsStill = 10 * time.Second

// kill ends the engine that stands still.
func kill(t testing.TB, m *machine) {
	t.Helper()
	var engines []int
	for deadline := time.Now().Add(standsStill); len(engines) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, p := range m.Processes() {
			if p.Is("engine") && len(p.Args) > 1 && slices.Contains([]string{"run", "start", "installed"}, p.Args[1]) && stopped(p.PID) {
				engines = append(engines, p.PID)
			}
		}
	}
	if len(engines) != 1 {
		t.Fatalf("%d engines stood still", len(engines))
	}
	if err := syscall.Kill(engines[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// stopped says whether a process was stopped by a signal.
func stopped(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && slices.Contains(strings.Split(string(status), "\n"), "State:\tT (stopped)")
}

// powerCut takes the machine's power and gives it again.
func powerCut(t testing.TB, m *machine, w way) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := m.PowerCut(ctx); err != nil {
		t.Fatal(err)
	}
	var made []string // folders of drop-ins; the host may have them, empty
	if w == cutSlow {
		for _, unit := range m.in.slowed() {
			folder := filepath.Dir(slowConf(unit))
			if _, err := os.Stat(m.Path(folder)); errors.Is(err, os.ErrNotExist) {
				made = append(made, folder)
			}
			if err := m.WriteFile(slowConf(unit), []byte("[Service]\nExecStartPre=/bin/sleep 6\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	release := ended(t, m)
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if release != "" { // the product's start is systemd's business
		if err := m.AwaitProduct(ctx, release); err != nil {
			t.Fatal(err)
		}
	}
	if w == cutSlow { // what it did is done; the machine is compared without it
		for _, unit := range m.in.slowed() {
			m.Sh(t, `for i in $(seq 600); do case $(systemctl is-active `+unit+`) in active|inactive) break;; esac; sleep 0.1; done
				rm `+slowConf(unit))
		}
		m.Sh(t, "for folder in "+strings.Join(made, " ")+"; do rmdir --ignore-fail-on-non-empty $folder; done; systemctl daemon-reload")
	}
}

// ended tells the release at which an attempt left a machine that is off, if its end is on the disk.
func ended(t testing.TB, m *machine) string {
	t.Helper()
	journals, err := filepath.Glob(m.Path("/var/lib/" + prefix + "/*/journal.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(journals) != m.tries { // the last attempt has none yet
		return ""
	}
	var last struct {
		Began   time.Time
		Outcome string
	}
	for _, path := range journals {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		one := last
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !one.Began.Before(last.Began) {
			last = one
		}
	}
	switch last.Outcome {
	case "upgraded":
		return m.in.To
	case "rolled-back":
		return m.in.From
	}
	return ""
}

// startAgain has a machine whose start was cut short: the upgrade is under way all the
// same, or nothing has happened to the machine and a start by hand is enough.
func startAgain(t testing.TB, m *machine, known *recorded) {
	t.Helper()
	m.Sh(t, "while [ -d /proc/$(cat "+crashDir+"/begin 2>/dev/null || echo none) ]; do sleep 0.1; done")
	_, word := m.ShCode(t, "systemctl is-active "+prefix)
	if word = strings.TrimSpace(word); word == "active" {
		return
	}
	if _, state := m.ShCode(t, "cat /var/lib/"+prefix+"/state"); strings.TrimSpace(state) == "done" {
		return
	}
	now := machinecheck.WholeWithout(t, m.Machine, known.without)
	for path := range now {
		if strings.Contains(path, "/"+prefix+".service") || strings.Contains(path, "/."+prefix+".service.") { // and what was being written of it
			delete(now, path)
		}
	}
	machinecheck.Same(t, "the machine before and after a start that was cut short", known.old, now)
	if code, out := m.ShCode(t, prefix+" start"); code != 0 {
		t.Fatalf("start after a start that was cut short: exit %d\n%s", code, out)
	}
}

// finish waits for the attempt's end and proves that the machine is on the side it must be.
func finish(t testing.TB, m *machine, want side) side {
	t.Helper()
	code, out := m.ShCode(t, "timeout 400 "+prefix+" wait")
	var got side
	switch code {
	case 0:
		got = isNew
	case 4:
		got = isOld
	default:
		t.Fatalf("wait: exit %d\n%s", code, out+machinecheck.Report(t, m.Machine))
	}
	machinecheck.AwaitEnd(t, m.Machine)
	if want != either && got != want {
		t.Fatalf("the machine is %s, must be %s\n%s", got, want, out+machinecheck.Report(t, m.Machine))
	}
	if got == isNew {
		machinecheck.New(t, m.Machine, m.in.To)
	} else {
		machinecheck.Old(t, m.Machine, m.in.To)
	}
	return got
}

// TestServes wants clients to be let in before the window and after it, on both ways.
func TestServes(t *testing.T) {
	t.Parallel()
	var r recorded
	for _, at := range [][2]string{
		{"prepare", "preflight"}, {"switch", "shut the door"}, {"switch", "packages to new"}, {"open", "start the services"}, {"open", "open the door"},
		{"open", opened}, {"open", "take the marks away"}, {"done", "-"},
		{"back, from the switch", "files to old"}, {"back, after its commit", "open the door"}, {"back, after its commit", opened}, {"back, after its commit", "take the marks away"},
	} {
		r.points = append(r.points, point{Phase: at[0], Step: at[1], Nth: 1})
	}
	want := []bool{true, false, false, false, false, true, true, true, false, false, true, true}
	for i, p := range r.points {
		if got := r.serves(p); got != want[i] {
			t.Errorf("%s: clients are let in: %v, want %v", p, got, want[i])
		}
	}
}
