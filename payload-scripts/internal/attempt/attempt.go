// Package attempt is where things lie on the host: the bundle, the folder of
// each attempt to upgrade with it, and the unit that carries the attempt on
// after a reboot. An attempt holds hard links to all it needs of the bundle, so
// that removing or updating the bundle's RPM harms nothing.
//
//	/opt/<p>/<to>/            the bundle, owned by its RPM
//	/opt/<p>/run/<id>/        the attempt's own names for the bundle's files
//	/opt/<p>/run/current      link to the attempt that was started last
//	/var/lib/<p>/state        one word: idle, running, done, rolled-back, needs-a-person
//	/var/lib/<p>/<id>/        journal, log, backup and report; nothing there is executed
//	/etc/<p>/upgrade.conf     the admin's settings; it may lack
//	/var/lib/<p>/window       exists while the product's units must stay down over a reboot
package attempt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/settings"
)

// Places are the folders of a product's upgrades on this host.
type Places struct {
	Prefix string
	Root   string // put before every path; "" but in tests
}

// Rehearsal is the folder of a rehearsal while there is one. It lies beside Var: the
// user of a scratch database must come through to it.
func (p Places) Rehearsal() string { return p.Var() + "-rehearsal" }

// Run is the folder of the attempts' hard links.
func (p Places) Run() string { return p.Root + "/opt/" + p.Prefix + "/run" }

// Var is the folder of everything that is written.
func (p Places) Var() string { return p.Root + "/var/lib/" + p.Prefix }

// Window is the mark that keeps the product's units down over a reboot.
func (p Places) Window() string { return p.Var() + "/window" }

// Starting is the mark, lost at a reboot, under which the engine starts units although Window is there.
func (p Places) Starting() string { return p.Root + "/run/" + p.Prefix + "/starting" }

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

// State words, for the next bundle's gate.
const (
	Idle         = "idle"
	Running      = "running"
	Done         = "done"
	RolledBack   = "rolled-back"
	NeedsAPerson = "needs-a-person"
)

// State reads the state word, Idle when there is none.
func (p Places) State() (string, error) {
	data, err := os.ReadFile(p.Var() + "/state")
	if errors.Is(err, os.ErrNotExist) {
		return Idle, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the state of upgrades: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// SetState writes the state word.
func (p Places) SetState(word string) error {
	return host.WriteFile(p.Var()+"/state", []byte(word+"\n"), host.Attr{Mode: 0o600})
}

// Bundle is an unpacked bundle.
type Bundle struct {
	Dir      string
	Manifest *manifest.Manifest // with the admin's settings applied
	Settings settings.Settings
	Root     string // put before every path of the host; "" but in tests
}

// Load reads the bundle that the running program stands in: <dir>/bin/engine.
func Load(executable string) (*Bundle, error) {
	real, err := filepath.EvalSymlinks(executable)
	if err != nil {
		return nil, fmt.Errorf("find the bundle: %w", err)
	}
	dir := filepath.Dir(filepath.Dir(real))
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("find the bundle this program belongs to: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	m, err := manifest.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	b := &Bundle{Dir: dir, Manifest: m}
	b.Settings = settings.Read(b.Places().Settings())
	b.Settings.Apply(m)
	return b, nil
}

// Places returns the folders on the host that belong to the bundle's product.
func (b *Bundle) Places() Places { return Places{Prefix: b.Manifest.Prefix, Root: b.Root} }

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

// Latest returns the newest attempt to reach a release, with false when there is none.
func (p Places) Latest(to string) (Attempt, bool) {
	found, err := filepath.Glob(filepath.Join(p.Var(), to+"-*", "journal.json"))
	if err != nil || len(found) == 0 {
		return Attempt{}, false
	}
	latest := ""
	for _, path := range found {
		if id := filepath.Base(filepath.Dir(path)); latest == "" || begun(id) > begun(latest) {
			latest = id
		}
	}
	return p.At(latest), true
}

// begun is the time in an attempt's ID, as text that sorts by time.
func begun(id string) string { return id[strings.LastIndex(id, "-")+1:] }
