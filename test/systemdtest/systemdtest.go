// Package systemdtest is a systemd for tests: it speaks D-Bus over a socket, has
// units with jobs, conditions from drop-ins and dependencies, and can lose
// connections, answers and signals on demand. It knows what the engine uses, no more.
package systemdtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"onerpm/internal/unit"
)

// Unit is one of the manager's units.
type Unit struct {
	Name     string // a missing suffix is .service
	Load     string // "loaded" when empty
	Active   string // "inactive" when empty
	File     string // UnitFileState
	Fragment string // FragmentPath
	Gone     bool   // its file is gone: File is what was read before, until the next reload

	TriggeredBy []string // sockets, timers, paths that start it
	RequiredBy  []string // units that are stopped with it
	BoundBy     []string // likewise
	ConsistsOf  []string // likewise
	Wants       []string // units that are started with it
	Alias       string   // the name of the unit that it is another name of
	NeedsReload bool
	Refuses     bool  // RefuseManualStop=
	Clings      bool  // it does not stop, though its job ends
	Status      int32 // ExecMainStatus; a unit of StartTransientUnit with another than 0 fails

	Own        []string // conditions of its unit file, e.g. "ConditionPathExists=|/etc/x"
	StartTakes time.Duration
	StopTakes  time.Duration
	Fails      int  // so many starts fail
	Endless    bool // it has no limits of its own
}

// number tells the managers' sockets apart.
var number atomic.Int64

// Manager is the systemd.
type Manager struct {
	root    string // in which unit folders and the paths of conditions are looked for
	address string // of its socket

	mu        sync.Mutex
	units     map[string]*Unit
	dropIns   map[string][]string // unit -> its drop-ins, as of the last reload
	jobs      map[string]uint32   // unit -> the job that runs for it
	lastJob   uint32
	log       []string
	loseFrom  int  // so many calls are answered before
	lose      int  // so many calls get no answer: their connection is closed
	down      bool // nobody can connect
	mute      bool // signals are lost
	peers     map[*peer]bool
	transient Unit
	canceled  map[uint32]bool
	booting   int // so often it says that it boots
}

// Booting makes it say so often that it boots, and returns how often it would have said so still.
func (m *Manager) Booting(times int) (left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left, m.booting = m.booting, times
	return left
}

// New makes a manager with units; root is put before every path it looks at.
func New(t testing.TB, root string, units ...Unit) *Manager {
	m := &Manager{root: root, units: map[string]*Unit{}, jobs: map[string]uint32{}, peers: map[*peer]bool{}, canceled: map[uint32]bool{}}
	for _, u := range units {
		m.Add(u)
	}
	m.mu.Lock()
	m.reload()
	m.mu.Unlock()
	m.address = fmt.Sprintf("@systemdtest-%d-%d", os.Getpid(), number.Add(1))
	l, err := net.Listen("unix", m.address)
	if err != nil {
		t.Fatal(err)
	}
	go m.accept(l)
	t.Cleanup(func() { _ = l.Close(); m.Disconnect() })
	return m
}

// Add adds a unit, as a package does.
func (m *Manager) Add(u Unit) {
	u.Name = unit.Name(u.Name)
	if u.Load == "" {
		u.Load = "loaded"
	}
	if u.Active == "" {
		u.Active = "inactive"
	}
	for _, list := range [][]string{u.TriggeredBy, u.RequiredBy, u.BoundBy, u.ConsistsOf, u.Wants} {
		for i, name := range list {
			list[i] = unit.Name(name)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.units[u.Name] = &u
	if m.dropIns != nil {
		m.dropIns[u.Name] = m.find(u.Name) // a unit that systemd did not know is loaded when it is asked for
	}
}

// Change changes a unit.
func (m *Manager) Change(name string, change func(*Unit)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.units[unit.Name(name)])
}

// State is the ActiveState of a unit.
func (m *Manager) State(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.get(name).Active
}

// Log returns the jobs so far, in order, e.g. "start nginx.service", and forgets them.
func (m *Manager) Log() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	log := m.log
	m.log = nil
	return log
}

// Try starts a unit as a monitor or a person would, and tells whether it is active then.
func (m *Manager) Try(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(unit.Name(name), map[string]bool{})
	return m.get(name).Active == "active"
}

// Reboot stops everything, as a loss of power does, and reads the unit files anew.
func (m *Manager) Reboot() {
	m.Disconnect()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.units {
		u.Active = "inactive"
	}
	m.jobs = map[string]uint32{}
	m.reload()
}

// LoseCalls answers some calls, then lets the next n go without an answer: their
// connections are closed.
func (m *Manager) LoseCalls(answered, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loseFrom, m.lose = answered, n
}

// Lost tells whether all calls that were to be lost are.
func (m *Manager) Lost() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lose == 0
}

// Transient says how the units of StartTransientUnit end: after a time, with a status.
func (m *Manager) Transient(takes time.Duration, status int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.transient = Unit{Load: "loaded", Active: "inactive", StartTakes: takes, Status: status}
}

// Mute loses the signals of jobs that end from now on.
func (m *Manager) Mute(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mute = on
}

// Down refuses connections.
func (m *Manager) Down(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = on
}

// Disconnect closes all connections, as a re-execution of systemd does.
func (m *Manager) Disconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.peers {
		_ = p.conn.Close()
	}
	m.peers = map[*peer]bool{}
}

// Cancel lets a unit's running job be replaced by another one.
func (m *Manager) Cancel(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id := m.jobs[unit.Name(name)]; id != 0 {
		m.canceled[id] = true
		delete(m.jobs, unit.Name(name))
		m.signal(id, unit.Name(name), "canceled")
	}
}

// Dial connects to the manager.
func (m *Manager) Dial(ctx context.Context) (*dbus.Conn, error) {
	m.mu.Lock()
	down := m.down
	m.mu.Unlock()
	if down {
		return nil, &os.PathError{Op: "dial", Path: "systemd", Err: syscall.ECONNREFUSED}
	}
	conn, err := dbus.Dial("unix:abstract="+strings.TrimPrefix(m.address, "@"), dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	return conn, conn.Auth([]dbus.Auth{dbus.AuthExternal("0")})
}

// accept serves connections until the test's end.
func (m *Manager) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		p := &peer{manager: m, conn: conn}
		m.mu.Lock()
		m.peers[p] = true
		m.mu.Unlock()
		go p.serve()
	}
}

// get returns a unit, one that is not there as systemd shows it.
func (m *Manager) get(name string) *Unit {
	if u := m.units[unit.Name(name)]; u != nil && u.Alias != "" {
		return m.get(u.Alias)
	} else if u != nil {
		return u
	}
	return &Unit{Name: unit.Name(name), Load: "not-found", Active: "inactive"}
}

// start starts a unit and what it wants, at once. The result is that of its job.
func (m *Manager) start(name string, seen map[string]bool) string {
	u := m.units[name]
	switch {
	case u == nil || u.Load != "loaded":
		return "failed"
	case u.Active == "active" || seen[name]:
		return "done"
	case !m.allowed(u):
		return "done" // a condition that does not hold is no failure
	}
	seen[name] = true
	for _, other := range u.Wants {
		m.start(other, seen)
	}
	if unit.Kind(name) == "socket" && m.triggersActive(name) {
		u.Active = "failed" // "already active, refusing"
		return "failed"
	}
	if u.Fails > 0 {
		u.Fails--
		u.Active = "failed"
		return "failed"
	}
	u.Active = "active"
	return "done"
}

func (m *Manager) triggersActive(socket string) bool {
	for _, u := range m.units {
		if slices.Contains(u.TriggeredBy, socket) && u.Active == "active" {
			return true
		}
	}
	return false
}

// stop stops a unit and those that are stopped with it.
func (m *Manager) stop(name string) {
	u := m.units[name]
	if u == nil || u.Active == "inactive" || u.Clings {
		return
	}
	u.Active = "inactive"
	for _, list := range [][]string{u.RequiredBy, u.BoundBy, u.ConsistsOf} {
		for _, other := range list {
			m.stop(other)
		}
	}
}

// job queues a job; it ends when its time is over.
func (m *Manager) job(verb, name string) (uint32, string) {
	u := m.units[name]
	if u == nil && verb == "stop" {
		return 0, "org.freedesktop.systemd1.NoSuchUnit"
	}
	if u != nil && u.Load == "masked" && verb == "start" {
		return 0, "org.freedesktop.systemd1.UnitMasked"
	}
	if u == nil {
		return 0, "org.freedesktop.systemd1.NoSuchUnit"
	}
	m.log = append(m.log, verb+" "+name)
	if id := m.jobs[name]; id != 0 {
		return id, "" // the same job is merged
	}
	m.lastJob++
	id := m.lastJob
	m.jobs[name] = id
	takes := u.StartTakes
	if verb == "stop" {
		takes = u.StopTakes
		if u.Active == "active" && takes > 0 {
			u.Active = "deactivating"
		}
	} else if u.Active != "active" && takes > 0 && m.allowed(u) {
		u.Active = "activating"
	}
	time.AfterFunc(takes, func() { m.end(verb, name, id) })
	return id, ""
}

func (m *Manager) end(verb, name string, id uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.canceled[id] || m.jobs[name] != id {
		return
	}
	delete(m.jobs, name)
	result := "done"
	if verb == "stop" {
		m.stop(name)
	} else {
		result = m.start(name, map[string]bool{})
	}
	m.signal(id, name, result)
}

// matching lists the units that match a pattern with "*" at one place.
func (m *Manager) matching(patterns []string) []*Unit {
	var all []*Unit
	for _, u := range m.units {
		for _, p := range patterns {
			before, after, _ := strings.Cut(p, "*")
			if len(u.Name) >= len(before)+len(after) && strings.HasPrefix(u.Name, before) && strings.HasSuffix(u.Name, after) {
				all = append(all, u)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Unit) int { return strings.Compare(a.Name, b.Name) })
	return all
}
