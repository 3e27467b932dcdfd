package certify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/picture"
	"onerpm/bundler/internal/release"
	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// run is one scenario at work on one machine.
type run struct {
	machine  Machine
	m        *manifest.Manifest
	file     string // the bundle, here
	sum      string // its SHA-256
	checks   Checks
	leaveOut []release.LeftOut
	limits   Limits
	slow     faults // limits that were passed
	untried  string // what the scenario is there for and could not try

	facts    Facts
	before   state  // the old release, before anything
	upgraded report // the last upgrade that was waited for
	code     int    // with which that wait ended
	load     *Load
	back     *Clients // of the upgrade that went back
	clients  *Clients

	addresses map[string]connection.Address // of the databases, by their names in the manifest
}

// dir is the folder on the machine that a run uses.
func (r *run) dir() string { return "/var/tmp/" + r.m.Prefix + "-certify" }

// at is a path below it. A manifest's prefix and a check's name have no sign that a shell knows.
func (r *run) at(name string) string { return r.dir() + "/" + name }

// rpm is the bundle on the machine.
func (r *run) rpm() string { return r.at(r.m.Prefix + "-" + r.m.To + ".rpm") }

// begin brings the bundle to a machine and wants it to be the old release, serving.
func (r *run) begin(ctx context.Context, platform string) error {
	var err error
	if r.facts, err = r.machine.facts(ctx); err != nil {
		return err
	}
	if err := r.facts.is(platform); err != nil {
		return err
	}
	if _, err := r.machine.must(ctx, "make a folder on the machine", "rm -rf "+r.dir()+" && umask 077 && mkdir -p "+r.at("notes")); err != nil {
		return err
	}
	if err := r.giveChecks(ctx); err != nil {
		return err
	}
	if err := r.sendBundle(ctx); err != nil {
		return err
	}
	if err := r.productIs(ctx, phasePrepare).err(); err != nil {
		return fmt.Errorf("make the machine ready: %w", err)
	}
	if err := r.healthy(ctx, manifest.Old).err(); err != nil {
		return fmt.Errorf("before the upgrade: %w", err)
	}
	if faults := append(r.proves(ctx, manifest.Old), r.productIs(ctx, phaseBefore)...); len(faults) > 0 {
		return fmt.Errorf("before the upgrade: %w", faults.err())
	}
	if r.before, err = r.readState(ctx, manifest.Old); err != nil {
		return err
	}
	if err := r.before.isOld(r.m).err(); err != nil {
		return fmt.Errorf("the machine is not ready, it must have %s: %w", r.m.From, err)
	}
	if err := r.dumpDatabases(ctx); err != nil {
		return err
	}
	return r.postgres(ctx, manifest.Old)
}

// comparison is what a side's machine is compared by; writes tells that clients wrote meanwhile.
func (r *run) comparison(side manifest.Side, writes bool) picture.Comparison {
	return picture.Comparison{Manifest: r.m, LeftOut: picture.NewLeftOut(r.m.Prefix, r.leaveOut, side), Writes: writes}
}

// sendBundle brings the bundle to the machine: the very bytes that are certified, or nothing is.
func (r *run) sendBundle(ctx context.Context) error {
	f, err := os.Open(r.file)
	if err != nil {
		return exit.With(exit.BadBundle, fmt.Errorf("send the bundle to the machine: %w", err), "do not build while it is certified; certify again")
	}
	defer f.Close() //nolint:errcheck // only read
	sum, err := r.machine.send(ctx, r.rpm(), f)
	if err == nil && sum != r.sum {
		err = exit.Errorf(exit.BadBundle, "certify again when nothing writes to it", "%s changed while it was certified: sha256 %s, and it was %s", r.file, sum, r.sum)
	}
	return err
}

// tidyLimit bounds the tidying up of a machine that may be gone.
const tidyLimit = 20 * time.Second

// tidy ends clients and removes the folder on a machine that nobody puts back; what was taken out of rpm's database
// stays there for whoever mends that. A machine that is gone keeps all.
func (r *run) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	machine := r.machine
	machine.lost = nil
	_, _ = machine.sh(ctx, "cd "+r.dir()+` || exit
: >stop
for file in *.pid; do
	pid=$(cat "$file") && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF `+r.dir()+`/ && { pkill -s "$pid" || kill -- "-$pid"; }
done
[ -e rpmdb ] || rm -rf `+r.dir())
}

// postgres notes the version of the first database, when a side's release has one.
func (r *run) postgres(ctx context.Context, side manifest.Side) error {
	there := r.databases(side)
	if len(there) == 0 {
		return nil
	}
	a, err := r.address(ctx, there[0])
	if err != nil {
		return err
	}
	version, err := r.psql(ctx, a, "show server_version")
	r.facts.PostgreSQL = strings.Join(version, " ")
	return err
}

// isNew says what keeps the machine from being the new release with the old one's data.
func (r *run) isNew(ctx context.Context, clients bool) (state, error) {
	f := append(r.healthy(ctx, manifest.New), r.proves(ctx, manifest.New)...)
	want, err := r.migrated(ctx) // first: what waits for clients ends meanwhile
	if err != nil {
		return state{}, err
	}
	now, err := r.readState(ctx, manifest.New)
	if err != nil {
		return now, err
	}
	if err := r.postgres(ctx, manifest.New); err != nil {
		return now, err
	}
	report, err := r.mergedFiles(ctx)
	if err != nil {
		return now, err
	}
	c := r.comparison(manifest.New, clients)
	f = append(f, now.isNew(c, r.before, report)...)
	for _, db := range r.m.Databases {
		f.database(db.Name, want[db.Name], now.databases[db.Name], r.ruleOf(db, clients), c.LeftOut)
		if before, had := r.before.databases[db.Name]; had {
			f.lost(db.Name, before, want[db.Name], c.LeftOut)
			f.roles(db.Name, before, now.databases[db.Name], c.LeftOut)
		}
	}
	f = append(f, r.productIs(ctx, phaseAfter)...)
	return now, named("the new release", f)
}

// ruleOf is how a database of the new release is compared with what the migrations make of a copy.
func (r *run) ruleOf(db manifest.Database, clients bool) rule {
	switch {
	case db.Only == manifest.New || slices.ContainsFunc(r.m.Stores, func(s manifest.Store) bool { return s.To == db.Name }):
		return shaped
	case clients:
		return grown
	}
	return made
}

// isOld says what keeps the machine from being what it was before anything, but for what clients have written.
func (r *run) isOld(ctx context.Context, clients bool) error {
	f := append(r.healthy(ctx, manifest.Old), r.proves(ctx, manifest.Old)...)
	now, err := r.readState(ctx, manifest.Old)
	if err != nil {
		return err
	}
	c := r.comparison(manifest.Old, clients)
	if clients {
		f = append(f, now.isOld(r.m)...)
		f = append(f, c.Same(r.before.machine, now.machine)...)
		for _, db := range sortedKeys(r.before.databases) {
			f.database(db, r.before.databases[db], now.databases[db], grown, c.LeftOut)
			f.roles(db, r.before.databases[db], now.databases[db], c.LeftOut)
		}
	} else {
		f = append(f, now.isAsBefore(c, r.before)...)
	}
	f = append(f, r.productIs(ctx, phaseBack)...)
	return named("the old release", f)
}

func named(what string, f faults) error {
	if err := f.err(); err != nil {
		return fmt.Errorf("%s is not whole: %w", what, err)
	}
	return nil
}

// install is the script that installs the bundle as a customer does.
func (r *run) install() string {
	return `if command -v yum >/dev/null; then yum install -y ` + r.rpm() + `
elif command -v dnf >/dev/null; then dnf install -y ` + r.rpm() + `
else rpm -U ` + r.rpm() + `; fi`
}

// installManual installs the bundle without starting the upgrade.
func (r *run) installManual(ctx context.Context) error {
	_, err := r.machine.must(ctx, "install the bundle", "mkdir -p /etc/"+r.m.Prefix+" && : >/etc/"+r.m.Prefix+"/manual\n"+r.install())
	return err
}

// start starts the upgrade.
func (r *run) start(ctx context.Context) error {
	_, err := r.machine.must(ctx, "start the upgrade", r.m.Prefix+" start")
	return err
}

// The exit codes of an upgrade's wait (docs/exit-codes.md).
const (
	codeDone       = 0
	codeRolledBack = 4
	codeAgents     = 6 // done; agents on other machines are pending
)

// wait waits for the upgrade's end and wants one of the codes.
func (r *run) wait(ctx context.Context, codes ...int) error {
	got, err := r.machine.sh(ctx, r.m.Prefix+" wait")
	if err != nil {
		return fmt.Errorf("wait for the upgrade: %w", err)
	}
	r.code = got.code
	if r.upgraded, err = r.report(ctx); err != nil && slices.Contains(codes, got.code) {
		return err
	}
	if !slices.Contains(codes, got.code) {
		cause := r.upgraded.Error
		if cause == "" {
			cause = got.outputTail()
		}
		return fmt.Errorf("the upgrade ended with exit code %d, want %d: %s", got.code, codes[0], cause)
	}
	r.slow = append(r.slow, r.limits.upgrade(r.upgraded, got.code == codeRolledBack)...)
	return nil
}

// report is what is read of the upgrade's report.
type report struct {
	Outcome  string            `json:"outcome"`
	Error    string            `json:"error"`
	Window   manifest.Duration `json:"window"`
	Measured bool              `json:"window_measured"`
	Closed   time.Time         `json:"closed"` // to milliseconds; whoever connects later has to wait, where clients do
	Warnings []string          `json:"warnings"`
	ID       string            `json:"id"`      // of the attempt
	Changes  []change          `json:"changes"` // of configuration files
}

// change is what the upgrade did to a configuration file.
type change struct {
	Target string `json:"target"`
	Did    string `json:"did"` // added, updated, merged, kept, unchanged or removed
}

func (r *run) report(ctx context.Context) (report, error) {
	var rep report
	out, err := r.machine.must(ctx, "read the upgrade's report", r.m.Prefix+" report --json")
	if err != nil {
		return rep, err
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		return rep, fmt.Errorf("read the upgrade's report: %w", err)
	}
	return rep, nil
}

// inWindow is a script that waits until the window is open; it fails when the upgrade ends before.
func (r *run) inWindow() string {
	dir := "/var/lib/" + r.m.Prefix
	return `while [ ! -e ` + dir + `/window ]; do
	[ "$(cat ` + dir + `/state)" = running ] || { echo "the upgrade ended before its window" >&2; exit 1; }
	sleep 0.02
done
`
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// seconds rounds to milliseconds.
func seconds(s float64) float64 {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).Seconds()
}
