package certify

import (
	"context"
	"fmt"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
)

// The scenarios.
const (
	Fresh       = "fresh"
	Interrupted = "interrupted"
	Failing     = "failing"
	Refused     = "refused"
	Loaded      = "load"
	WithClients = "clients"
	WayBack     = "way-back"
	SecondRun   = "second-run"
	WithAgents  = "agents"
)

// scenario is one way in which a bundle is tried, on a machine that begin has made ready.
type scenario struct {
	name string
	what string // for people
	try  func(ctx context.Context, r *run) error

	unfit func(o Options) error // why a bundle is not tried so; nil for every bundle is
}

// scenarios are all of them, in the order in which they are run and told.
var scenarios = []scenario{
	{name: Fresh, what: "the bundle is installed as a customer does", try: fresh},
	{name: Interrupted, what: "the engine is killed in the window: it goes back, and the same bundle then leads on", try: interrupted},
	{name: Failing, what: "something fails in the window: it goes back by itself", try: failing},
	{name: Refused, what: "the machine is at no release: nothing is changed", try: refused},
	{name: Loaded, what: "clients ask and write all the time", try: loaded},
	{name: WithClients, what: "clients that never ask twice come through the door, while an upgrade goes back and while one goes through", try: crowded},
	{name: WayBack, what: "the admin goes back before the commit", try: rollBack},
	{name: SecondRun, what: "the same bundle once more: nothing to do", try: secondRun},
	{name: WithAgents, what: "of the agents some fail and some vanish: the upgrade says so, and goes on once they are mended", try: withAgents, unfit: noAgents},
}

// Names are the names of the scenarios, in their order.
func Names() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// upgrade installs the bundle as a customer does and waits for the new release.
func (r *run) upgrade(ctx context.Context) error {
	if _, err := r.machine.must(ctx, "install the bundle", r.install()); err != nil {
		return err
	}
	return r.wait(ctx, codeDone, codeAgents)
}

func fresh(ctx context.Context, r *run) error {
	if err := r.upgrade(ctx); err != nil {
		return err
	}
	now, err := r.isNew(ctx, false)
	if err != nil {
		return err
	}
	return r.isSameAfterReboot(ctx, now)
}

func interrupted(ctx context.Context, r *run) error {
	if err := r.startAnd(ctx, "kill the engine", r.inWindow()+
		`pid=$(systemctl show -p MainPID `+r.m.Prefix+`.service) && [ "${pid#*=}" -gt 1 ] && kill -9 "${pid#*=}"`); err != nil {
		return err
	}
	if err := r.wait(ctx, codeRolledBack); err != nil {
		return fmt.Errorf("after the engine was killed: %w", err)
	}
	if err := r.isOld(ctx, false); err != nil {
		return fmt.Errorf("after the engine was killed: %w", err)
	}
	if err := r.onceMore(ctx); err != nil {
		return err
	}
	_, err := r.isNew(ctx, false)
	return err
}

// onceMore starts the bundle that is installed and waits for the new release.
func (r *run) onceMore(ctx context.Context) error {
	err := r.start(ctx)
	if err == nil {
		err = r.wait(ctx, codeDone, codeAgents)
	}
	if err != nil {
		return fmt.Errorf("once more: %w", err)
	}
	return nil
}

// startAnd installs the bundle, starts it by hand and then runs a script.
func (r *run) startAnd(ctx context.Context, what, script string) error {
	if err := r.installManual(ctx); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	_, err := r.machine.must(ctx, what, script)
	return err
}

func failing(ctx context.Context, r *run) error {
	if err := r.fail(ctx); err != nil {
		return err
	}
	return r.isOld(ctx, false)
}

// fail upgrades, has something fail in the window, and waits until everything is back.
func (r *run) fail(ctx context.Context) error {
	arranged, err := r.arrange(ctx)
	if err != nil {
		return err
	}
	if err := r.startAnd(ctx, "have "+arranged.what+" fail", r.inWindow()+arranged.make+`
while [ "$(cat /var/lib/`+r.m.Prefix+`/state)" = running ]; do
	! `+r.m.Prefix+` report --json | grep -q '"back": true' || break
	sleep 0.1
done
`+arranged.mend); err != nil {
		return err
	}
	if err := r.wait(ctx, codeRolledBack); err != nil {
		return fmt.Errorf("%s was to fail: %w", arranged.what, err)
	}
	_, err = r.machine.must(ctx, "tidy up", arranged.tidy)
	return err
}

// failure is something that goes wrong in the window and is mended on the way back, by scripts.
type failure struct{ what, make, mend, tidy string }

// arrange looks for something of the new release that can be made to fail on any machine: a unit
// that must start before the commit; where only the door is started, the replacing of files.
func (r *run) arrange(ctx context.Context) (failure, error) {
	mark := "/run/" + r.m.Prefix + "-certify"
	for _, s := range r.m.Services {
		if s.Door || unit.Kind(s.Unit) != "service" || s.Only == manifest.Old || s.Only == "" && r.before.machine.Service(s.Unit) != "active" {
			continue
		}
		dropIn := "/etc/systemd/system/" + unit.Name(s.Unit) + ".d"
		_, err := r.machine.must(ctx, "make a unit that can fail", "mkdir -p "+quote(dropIn)+" && cat >"+quote(dropIn)+"/99-certify.conf <<'END'\n"+
			"[Service]\nExecStartPre=/bin/sh -c '! test -e "+mark+"'\nEND\nsystemctl daemon-reload")
		return failure{what: "unit " + s.Unit, make: ": >" + mark, mend: "rm -f " + mark,
			tidy: "rm -f " + quote(dropIn) + "/99-certify.conf && { rmdir " + quote(dropIn) + " 2>/dev/null || true; } && systemctl daemon-reload"}, err
	}
	return r.arrangeBusy()
}

// arrangeBusy makes files of a package that changes busy: rpm cannot put others in their place.
func (r *run) arrangeBusy() (failure, error) {
	for _, p := range r.m.New {
		if p.File == "" || !r.before.has(p.Name) {
			continue
		}
		busy := r.at("busy")
		return failure{what: "rpm at " + p.Name,
			make: `rpm -ql ` + p.Name + ` | while read -r file; do [ ! -f "$file" ] || [ -L "$file" ] || echo "$file"; done | sed 20q >` + busy + `
while read -r file; do mount --bind "$file" "$file"; done <` + busy,
			mend: `while read -r file; do umount -l "$file"; done <` + busy, tidy: "true"}, nil
	}
	return failure{}, fmt.Errorf("no unit starts before the commit and no package changes: nothing can be made to fail")
}

func refused(ctx context.Context, r *run) error {
	lost, err := r.loseOne(ctx)
	if err != nil {
		return err
	}
	before, err := r.readState(ctx, manifest.Old)
	if err != nil {
		return err
	}
	got, err := r.machine.sh(ctx, r.install())
	if err != nil {
		return fmt.Errorf("install the bundle: %w", err)
	}
	if got.code == 0 {
		return fmt.Errorf("the bundle was installed on a machine without %s, which belongs to %s", lost, r.m.From)
	}
	if !strings.Contains(got.out+got.err, lost) {
		return fmt.Errorf("it was refused, but not for the want of %s: %s", lost, got.outputTail())
	}
	if err := r.notInstalled(ctx); err != nil {
		return err
	}
	after, err := r.readState(ctx, manifest.Old)
	if err != nil {
		return err
	}
	if err := after.isAsBefore(r.comparison(manifest.Old, false), before).err(); err != nil {
		return fmt.Errorf("the refusal changed something: %w", err)
	}
	if _, err := r.machine.must(ctx, "put rpm's database back", restoreRPM(r.at("rpmdb"))); err != nil {
		return err
	}
	return r.isOld(ctx, false)
}

// loseOne takes a package of the old release out of rpm's database, nothing else, and returns its name.
func (r *run) loseOne(ctx context.Context) (string, error) {
	for _, p := range r.m.Old {
		if p.Optional {
			continue
		}
		_, err := r.machine.must(ctx, "take "+p.Name+" out of rpm's database",
			`db=$(readlink -f "$(rpm --eval %_dbpath)") && cp -a "$db" `+r.at("rpmdb")+` && rpm -e --justdb --nodeps --noscripts --notriggers `+p.Name)
		return p.Name, err
	}
	return "", fmt.Errorf("every package of %s is optional: no machine is at no release", r.m.From)
}

func restoreRPM(saved string) string {
	return `db=$(readlink -f "$(rpm --eval %_dbpath)") && rm -rf "$db" && mv ` + saved + ` "$db" && rpm -qa >/dev/null`
}

// notInstalled wants the bundle not to be there.
func (r *run) notInstalled(ctx context.Context) error {
	got, err := r.machine.sh(ctx, "rpm -q "+r.m.Prefix+"-"+r.m.To+" || ls -d /opt/"+r.m.Prefix+"/"+r.m.To)
	if err == nil && got.code == 0 {
		err = fmt.Errorf("something of the refused bundle is there: %s", got.outputTail())
	}
	return err
}

func loaded(ctx context.Context, r *run) error {
	if err := r.startLoad(ctx); err != nil {
		return err
	}
	failed := r.upgrade(ctx)
	load, faults, err := r.endLoad(ctx)
	r.load = load
	if failed != nil || err != nil {
		return firstOf(failed, err)
	}
	r.slow = append(r.slow, r.limits.load(load)...)
	if err := faults.err(); err != nil {
		return err
	}
	_, err = r.isNew(ctx, true)
	return err
}

func crowded(ctx context.Context, r *run) error {
	var err error
	if r.back, err = r.withClients(ctx, func() error { return r.fail(ctx) }); err != nil {
		return fmt.Errorf("the upgrade that goes back: %w", err)
	}
	if err := r.isOld(ctx, true); err != nil {
		return err
	}
	if r.clients, err = r.withClients(ctx, func() error { return r.onceMore(ctx) }); err != nil {
		return err
	}
	_, err = r.isNew(ctx, true)
	return err
}

func rollBack(ctx context.Context, r *run) error {
	if err := r.startAnd(ctx, "ask the upgrade to go back", r.inWindow()+r.m.Prefix+" rollback"); err != nil {
		return err
	}
	if err := r.wait(ctx, codeRolledBack); err != nil {
		return err
	}
	return r.isOld(ctx, false)
}

func secondRun(ctx context.Context, r *run) error {
	if err := r.upgrade(ctx); err != nil {
		return err
	}
	before, err := r.readState(ctx, manifest.New)
	if err != nil {
		return err
	}
	got, err := r.machine.sh(ctx, r.m.Prefix+" start")
	if err != nil {
		return err
	}
	if got.code != codeDone || !strings.Contains(got.out+got.err, "nothing to do") {
		return fmt.Errorf("started once more it does not say that there is nothing to do: exit code %d: %s", got.code, got.outputTail())
	}
	if _, err := r.machine.must(ctx, "remove the bundle", "rpm -e "+r.m.Prefix+"-"+r.m.To); err != nil {
		return err
	}
	if got, err = r.machine.sh(ctx, r.install()); err != nil {
		return err
	}
	if got.code == 0 || !strings.Contains(got.out+got.err, "nothing to do") {
		return fmt.Errorf("installed once more it does not refuse with nothing to do: exit code %d: %s", got.code, got.outputTail())
	}
	after, err := r.readState(ctx, manifest.New)
	if err != nil {
		return err
	}
	if err := after.isAsBefore(r.comparison(manifest.New, false), before).err(); err != nil {
		return fmt.Errorf("the second run changed something: %w", err)
	}
	return named("the new release", append(r.healthy(ctx, manifest.New), r.productIs(ctx, phaseAfter)...))
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
