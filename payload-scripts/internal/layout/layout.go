// Package layout is where things lie on the host: the bundle, the folder of each
// attempt to upgrade with it, and the files by which the parts of an upgrade know of
// one another. It promises to be paths only: nothing is written here.
//
//	/opt/<p>/<to>/            the bundle, owned by its RPM
//	/opt/<p>/run/<id>/        the attempt's own names for the bundle's files
//	/opt/<p>/run/current      link to the attempt that was started last
//	/var/lib/<p>/state        one word: idle, running, done, rolled-back, needs-a-person
//	/var/lib/<p>/<id>/        journal, log, backup and report; nothing there is executed
//	/var/lib/<p>/rehearsed-*  what a rehearsal expects, for status
//	/etc/<p>/upgrade.conf     the admin's settings (optional)
//	/var/lib/<p>/window       exists while the product's units are held down, over a reboot too
//	/var/lib/<p>/*-may-start  by which they are held: see package service
package layout

import "path/filepath"

// Places are the folders of a product's upgrades on this host.
type Places struct {
	Prefix string
	Root   string // put before every path; "" but in tests
}

// Rehearsal is the folder of a rehearsal while there is one. It lies beside Var: the
// user of a scratch database must come through to it.
func (p Places) Rehearsal() string { return p.Var() + "-rehearsal" }

// Command is the product's command, which the RPM of a bundle brings.
func (p Places) Command() string { return p.Root + "/usr/bin/" + p.Prefix }

// Run is the folder of the attempts' hard links.
func (p Places) Run() string { return p.Root + "/opt/" + p.Prefix + "/run" }

// Var is the folder of everything that is written.
func (p Places) Var() string { return p.Root + "/var/lib/" + p.Prefix }

// Window is the mark that the product's units are held down, over a reboot too. It is for those
// who look on; what holds the units are the permits.
func (p Places) Window() string { return p.Var() + "/window" }

// Permit is the file that lets the product's units start, or its doors, while drop-ins ask for
// it. In the window it is a link to PermitTarget, which the engine alone makes and a reboot takes away.
func (p Places) Permit(doors bool) string { return p.Var() + "/" + permit(doors) }

// PermitTarget is the file that the permit links to in the window.
func (p Places) PermitTarget(doors bool) string {
	return p.Root + "/run/" + p.Prefix + "/" + permit(doors)
}

func permit(doors bool) string {
	if doors {
		return "doors-may-start"
	}
	return "services-may-start"
}

// HoldUnit is the name of the unit that keeps clients waiting in the window.
func (p Places) HoldUnit() string { return p.Prefix + "-hold.service" }

// HoldUnitFile is where that unit is written: in memory.
func (p Places) HoldUnitFile() string { return p.Root + "/run/systemd/system/" + p.HoldUnit() }

// HoldSocket is where that unit's process is asked.
func (p Places) HoldSocket() string { return p.Root + "/run/" + p.Prefix + "/hold.sock" }

// HoldReleased is the mark, in memory, that clients wait no more.
func (p Places) HoldReleased() string { return p.Root + "/run/" + p.Prefix + "/hold-released" }

// Unit is the name of the unit that runs an attempt.
func (p Places) Unit() string { return p.Prefix + ".service" }

// UnitFile is where that unit is written.
func (p Places) UnitFile() string { return p.Root + "/etc/systemd/system/" + p.Unit() }

// Lock is the file that a running engine holds locked.
func (p Places) Lock() string { return p.Var() + "/lock" }

// StartLock is the file that a start or a clean holds locked.
func (p Places) StartLock() string { return p.Var() + "/starting.lock" }

// Manual is the admin's word that no attempt starts by itself.
func (p Places) Manual() string { return p.Root + "/etc/" + p.Prefix + "/manual" }

// Settings is the admin's file of settings.
func (p Places) Settings() string { return p.Root + "/etc/" + p.Prefix + "/upgrade.conf" }

// Progress is the file, in memory, that tells how far the running step is.
func (p Places) Progress() string { return p.Root + "/run/" + p.Prefix + "/progress.json" }

// AgentsUnit is the name of the unit that works on the agents.
func (p Places) AgentsUnit() string { return p.Prefix + "-agents.service" }

// AgentsUnitFile is where that unit is written.
func (p Places) AgentsUnitFile() string {
	return filepath.Join(filepath.Dir(p.UnitFile()), p.AgentsUnit())
}

// Wants is the link by which a unit of ours is started at boot.
func (p Places) Wants(unit string) string {
	return filepath.Join(filepath.Dir(p.UnitFile()), "multi-user.target.wants", unit)
}

// AgentsLock is the file that the process which works on the agents holds locked.
func (p Places) AgentsLock() string { return p.Var() + "/agents.lock" }

// NoAgents is the admin's word that agents are not the upgrade's business.
func (p Places) NoAgents() string {
	return filepath.Join(filepath.Dir(p.Manual()), "no-agents")
}

// State is the file with the state word.
func (p Places) State() string { return p.Var() + "/state" }

// Excluded is the file that tells what the system's updates were told to leave out.
func (p Places) Excluded() string { return p.Var() + "/excluded.json" }

// Unstarted is the file that tells why the last installation or start of the bundle to a release began no attempt.
func (p Places) Unstarted(to string) string { return p.Var() + "/not-started-" + to + ".json" }

// Gate is the file that tells which bundle's installation its gate refused last, and why.
func (p Places) Gate() string { return p.Var() + "/gate-refused" }

// Rehearsed is the file with the times that the last rehearsal of the upgrade to a release expects.
func (p Places) Rehearsed(to string) string { return p.Var() + "/rehearsed-" + to + ".json" }

// Current is the link to the attempt that was started last.
func (p Places) Current() string { return filepath.Join(p.Run(), "current") }

// Attempt is one try to upgrade the host with one bundle.
type Attempt struct {
	ID  string
	Run string // its hard links to the bundle's files
	Var string // its journal, log, backup and report
}

// At returns the attempt with an id; it need not exist.
func (p Places) At(id string) Attempt {
	return Attempt{ID: id, Run: filepath.Join(p.Run(), id), Var: filepath.Join(p.Var(), id)}
}

// Backup is what of the host was saved, by name; the folder itself for "".
func (a Attempt) Backup(name string) string { return filepath.Join(a.Var, "backup", name) }

// Packages is the folder of a part of the packages that has a transaction of its own.
func (a Attempt) Packages(part string) string { return filepath.Join(a.Var, "packages-"+part) }

// Kept is the list of the folders of packages that the upgrade has erased; they stay until the admin cleans up.
func (a Attempt) Kept() string { return filepath.Join(a.Var, "kept.json") }

// Log is the attempt's log.
func (a Attempt) Log() string { return filepath.Join(a.Var, "log") }

// Report is the report that is written at the attempt's end.
func (a Attempt) Report() string { return filepath.Join(a.Var, "report.json") }

// Stores is the file that tells what became of the stores.
func (a Attempt) Stores() string { return filepath.Join(a.Var, "stores.json") }

// RollbackRequest is the file by which the admin asks a running attempt to go back.
func (a Attempt) RollbackRequest() string { return filepath.Join(a.Var, "rollback-wanted") }
