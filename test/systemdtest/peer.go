package systemdtest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"onerpm/internal/unit"
)

// peer is one connection to the manager.
type peer struct {
	manager *Manager
	conn    net.Conn
	write   sync.Mutex
}

// serve does the handshake, then answers calls until the connection ends.
func (p *peer) serve() {
	defer p.conn.Close() //nolint:errcheck // a test's end
	in := bufio.NewReader(p.conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch words := strings.Fields(strings.TrimPrefix(line, "\x00")); {
		case len(words) == 1 && words[0] == "AUTH":
			_, _ = io.WriteString(p.conn, "REJECTED EXTERNAL\r\n")
		case len(words) > 1 && words[0] == "AUTH":
			_, _ = io.WriteString(p.conn, "OK 0123456789abcdef0123456789abcdef\r\n")
		case len(words) == 1 && words[0] == "BEGIN":
			p.calls(in)
			return
		default:
			_, _ = io.WriteString(p.conn, "ERROR\r\n")
		}
	}
}

func (p *peer) calls(in *bufio.Reader) {
	for {
		msg, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if msg.Type != dbus.TypeMethodCall {
			continue
		}
		m := p.manager
		m.mu.Lock()
		switch {
		case member(msg) == "AddMatch":
		case m.loseFrom > 0:
			m.loseFrom--
		case m.lose > 0:
			m.lose--
			delete(m.peers, p)
			m.mu.Unlock()
			return
		}
		body, failed := m.answer(msg)
		m.mu.Unlock()
		p.reply(msg, body, failed)
	}
}

func member(msg *dbus.Message) string {
	name, _ := msg.Headers[dbus.FieldMember].Value().(string)
	return name
}

func (p *peer) reply(to *dbus.Message, body []any, failed string) {
	msg := &dbus.Message{Type: dbus.TypeMethodReply, Body: body,
		Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(to.Serial())}}
	if failed != "" {
		msg.Type, msg.Body = dbus.TypeError, []any{"as the test wants it"}
		msg.Headers[dbus.FieldErrorName] = dbus.MakeVariant(failed)
	}
	p.send(msg)
}

func (p *peer) send(msg *dbus.Message) {
	if len(msg.Body) > 0 {
		msg.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(msg.Body...))
	}
	p.write.Lock()
	defer p.write.Unlock()
	_ = msg.EncodeTo(p.conn, binary.LittleEndian)
}

// signal tells all connections of a job's end.
func (m *Manager) signal(id uint32, name, result string) {
	if m.mute {
		return
	}
	for p := range m.peers {
		p.send(&dbus.Message{Type: dbus.TypeSignal, Body: []any{id, jobPath(id), name, result}, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/systemd1")),
			dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.systemd1.Manager"),
			dbus.FieldMember:    dbus.MakeVariant("JobRemoved"),
		}})
	}
}

func jobPath(id uint32) dbus.ObjectPath {
	if id == 0 {
		return "/"
	}
	return dbus.ObjectPath(fmt.Sprintf("/org/freedesktop/systemd1/job/%d", id))
}

// answer makes the body of a reply, or the name of an error.
func (m *Manager) answer(msg *dbus.Message) (body []any, failed string) {
	text := func(i int) string { s, _ := msg.Body[i].(string); return s }
	path, _ := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	switch member(msg) {
	case "Get":
		if text(1) == "SystemState" {
			state := "running"
			if m.booting > 0 {
				m.booting--
				state = "starting"
			}
			return []any{dbus.MakeVariant(state)}, ""
		}
		v, ok := m.properties(m.get(unitOf(path)), text(0))[text(1)]
		if !ok {
			return nil, "org.freedesktop.DBus.Error.UnknownProperty"
		}
		return []any{v}, ""
	case "GetAll":
		return []any{m.properties(m.get(unitOf(path)), text(0))}, ""
	case "StartUnit", "StopUnit":
		verb := strings.ToLower(strings.TrimSuffix(member(msg), "Unit"))
		id, failed := m.job(verb, text(0))
		return []any{jobPath(id)}, failed
	case "StartTransientUnit":
		if m.units[text(0)] != nil {
			return nil, "org.freedesktop.systemd1.UnitExists"
		}
		u := m.transient
		u.Name = text(0)
		if u.Status != 0 {
			u.Fails = 1
		}
		m.units[u.Name] = &u
		id, failed := m.job("start", u.Name)
		return []any{jobPath(id)}, failed
	case "KillUnit": // what of it is stopping has stopped then
		name := text(0)
		m.log = append(m.log, "kill "+name)
		u, id := m.units[name], m.jobs[name]
		if u == nil {
			return nil, "org.freedesktop.systemd1.NoSuchUnit"
		}
		if u.Active == "deactivating" && id != 0 {
			delete(m.jobs, name)
			m.stop(name)
			u.Active = "failed"
			m.signal(id, name, "done")
		}
		return nil, ""
	case "ResetFailedUnit":
		if u := m.units[text(0)]; u != nil && u.Active == "failed" {
			u.Active = "inactive"
		}
		return nil, ""
	case "Reload":
		m.log = append(m.log, "reload")
		m.reload()
		return nil, ""
	case "EnableUnitFiles", "DisableUnitFiles":
		return m.enable(msg)
	case "ListUnitsByPatterns":
		patterns, _ := msg.Body[1].([]string)
		return []any{m.list(patterns)}, ""
	}
	return nil, "org.freedesktop.DBus.Error.UnknownMethod"
}

// enable changes the state of unit files: nothing is linked.
func (m *Manager) enable(msg *dbus.Message) ([]any, string) {
	names, _ := msg.Body[0].([]string)
	runtime, _ := msg.Body[1].(bool)
	on := member(msg) == "EnableUnitFiles"
	for _, name := range names {
		u := m.units[name]
		switch {
		case !on && (u == nil || u.Gone):
			return nil, "org.freedesktop.systemd1.NoSuchUnit"
		case u == nil || u.Gone:
			return nil, "org.freedesktop.DBus.Error.FileNotFound"
		case u.Load == "masked":
			return nil, "org.freedesktop.systemd1.UnitMasked"
		case !on:
			m.log = append(m.log, "disable "+name)
			u.File = "disabled"
		default:
			m.log = append(m.log, "enable "+name)
			if u.File = "enabled"; runtime {
				u.File = "enabled-runtime"
			}
		}
	}
	type change struct{ Kind, File, Target string }
	if on {
		return []any{true, []change{}}, ""
	}
	return []any{[]change{}}, ""
}

// properties are what the engine asks of a unit.
func (m *Manager) properties(u *Unit, of string) map[string]dbus.Variant {
	if of == "org.freedesktop.systemd1.Service" {
		limit := uint64(90_000_000)
		if u.Endless {
			limit = ^uint64(0)
		}
		return map[string]dbus.Variant{"ExecMainStatus": dbus.MakeVariant(u.Status), "TimeoutStartUSec": dbus.MakeVariant(limit), "TimeoutStopUSec": dbus.MakeVariant(limit)}
	}
	type job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	type row struct {
		Kind            string
		Trigger, Negate bool
		Parameter       string
		State           int32
	}
	conditions := []row{}
	for _, c := range m.conditions(u) {
		conditions = append(conditions, row{"ConditionPathExists", c.alternative, c.negated, c.path, 0})
	}
	id := m.jobs[u.Name]
	list := func(s []string) dbus.Variant { return dbus.MakeVariant(append([]string{}, s...)) }
	return map[string]dbus.Variant{
		"Id": dbus.MakeVariant(u.Name), "LoadState": dbus.MakeVariant(u.Load), "ActiveState": dbus.MakeVariant(u.Active),
		"UnitFileState": dbus.MakeVariant(u.File), "FragmentPath": dbus.MakeVariant(u.Fragment),
		"DropInPaths": list(m.dropIns[u.Name]), "TriggeredBy": list(u.TriggeredBy),
		"Triggers": list(m.triggered(u.Name)), "NeedDaemonReload": dbus.MakeVariant(u.NeedsReload), "RefuseManualStop": dbus.MakeVariant(u.Refuses),
		"RequiredBy": list(u.RequiredBy), "BoundBy": list(u.BoundBy), "ConsistsOf": list(u.ConsistsOf),
		"Conditions": dbus.MakeVariant(conditions), "Job": dbus.MakeVariant(job{id, jobPath(id)}),
		"InactiveExitTimestampMonotonic": dbus.MakeVariant(uint64(5_000_000)), "ActiveEnterTimestampMonotonic": dbus.MakeVariant(uint64(7_500_000)),
		"ActiveExitTimestampMonotonic": dbus.MakeVariant(uint64(0)), "InactiveEnterTimestampMonotonic": dbus.MakeVariant(uint64(0)),
	}
}

// triggered are the units that a socket, a timer or a path starts.
func (m *Manager) triggered(name string) []string {
	var all []string
	for _, u := range m.units {
		if slices.Contains(u.TriggeredBy, name) {
			all = append(all, u.Name)
		}
	}
	slices.Sort(all)
	return all
}

// list is the answer of ListUnitsByPatterns: a(ssssssouso).
func (m *Manager) list(patterns []string) any {
	type row struct {
		Name, Description, Load, Active, Sub, Followed string
		Path                                           dbus.ObjectPath
		JobID                                          uint32
		JobType                                        string
		JobPath                                        dbus.ObjectPath
	}
	rows := []row{}
	for _, u := range m.matching(patterns) {
		rows = append(rows, row{Name: u.Name, Load: u.Load, Active: u.Active, Path: "/", JobPath: "/"})
	}
	return rows
}

// unitOf is the unit of an object path, in which all but letters and digits is escaped.
func unitOf(path dbus.ObjectPath) string {
	escaped := strings.TrimPrefix(string(path), "/org/freedesktop/systemd1/unit/")
	var name strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '_' && i+2 < len(escaped) {
			if b, err := strconv.ParseUint(escaped[i+1:i+3], 16, 8); err == nil {
				name.WriteByte(byte(b))
				i += 2
				continue
			}
		}
		name.WriteByte(escaped[i])
	}
	return unit.Name(name.String())
}
