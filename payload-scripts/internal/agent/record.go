package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"onerpm/payload-scripts/internal/agentapi"
	"onerpm/payload-scripts/internal/host"
)

// State is how far the agents of a machine are.
type State string

// The states. Only Running goes on by itself.
const (
	Pending State = "pending" // not begun; Why says what lacks
	Left    State = "left"    // the admin's word: not the upgrade's business
	Running State = "running" // under way, after a kill or a reboot too
	Stopped State = "stopped" // no more are asked; Why says what failed
	Done    State = "done"    // a look showed that all which could be asked are upgraded
	None    State = "none"    // never on disk: no upgrade has come to them
)

// Open tells whether agents may still have to be upgraded.
func (s State) Open() bool { return s != Done && s != Left }

// GroupState is how far one group is.
type GroupState string

// The states of a group, in their order.
const (
	Waiting  GroupState = "waiting"
	Asking   GroupState = "asking" // about to be asked: it may have been, look for the work
	Asked    GroupState = "asked"  // the work is known and followed
	Upgraded GroupState = "upgraded"
	Failed   GroupState = "failed"
)

// Group is some agents that are upgraded by one piece of work.
type Group struct {
	Tenant string     `json:"tenant"`          // tenant that the group belongs to
	Name   string     `json:"name"`            // name of the group
	Agents int        `json:"agents"`          // how many agents it has
	State  GroupState `json:"state"`           // how far it is
	Known  []string   `json:"known,omitempty"` // works of the group that were there before it was asked
	Work   string     `json:"work,omitempty"`  // id of the last work
	Asked  int        `json:"asked"`           // how often it was asked
	Error  string     `json:"error,omitempty"` // why it failed
	Began  time.Time  `json:"began,omitzero"`  // when it was last asked
}

// name is what a group is known by.
type name struct{ tenant, group string }

func (g Group) name() name { return name{g.Tenant, g.Name} }

func (g Group) api() agentapi.Group { return agentapi.Group{Tenant: g.Tenant, Name: g.Name} }

func (g Group) String() string { return g.Name + " of " + g.Tenant }

// Record is what is on disk.
type Record struct {
	State   State     `json:"state"`             // how far they are
	Why     string    `json:"why,omitempty"`     // what is missing, or what failed
	Began   time.Time `json:"began,omitzero"`    // when they were begun
	Ended   time.Time `json:"ended,omitzero"`    // when they ended
	Ordered bool      `json:"ordered,omitempty"` // whether a start is yet to be taken up: groups that failed are asked again
	Tried   int       `json:"tried,omitempty"`   // how many groups' work has ended since the last start
	LeftOut int       `json:"left_out"`          // how many groups are not ready, so that nobody can upgrade their agents
	Groups  []Group   `json:"groups"`            // groups of agents, by tenant and name
}

// Count tells how many groups are in a state, and how many agents those have.
func (r Record) Count(states ...GroupState) (groups, agents int) {
	for _, g := range r.Groups {
		if slices.Contains(states, g.State) {
			groups++
			agents += g.Agents
		}
	}
	return groups, agents
}

// File is the record's name in the attempt's folder.
const File = "agents.json"

// Read returns the record in dir. The error wraps os.ErrNotExist when there is none.
func Read(dir string) (Record, error) {
	var r Record
	data, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		return r, fmt.Errorf("read the record of the agents: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("read the record of the agents in %s: %w", dir, err)
	}
	return r, nil
}

// Write replaces the record in dir, durably.
func Write(dir string, r Record) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err == nil {
		err = host.WriteFile(filepath.Join(dir, File), append(data, '\n'), host.Attr{Mode: 0o600})
	}
	if err != nil {
		return fmt.Errorf("write the record of the agents: %w", err)
	}
	return nil
}

// book is the record while it is worked on; every change is durable when it is made.
type book struct {
	dir string
	mu  sync.Mutex
	rec Record
}

func (b *book) record() Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rec
	r.Groups = slices.Clone(r.Groups)
	return r
}

// errNotSaved says that a change is not on disk.
var errNotSaved = errors.New("nothing is done that is not on record")

func (b *book) update(change func(*Record)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.rec)
	if err := Write(b.dir, b.rec); err != nil {
		return fmt.Errorf("%w; %w", err, errNotSaved)
	}
	return nil
}

// forget takes a group out of the record.
func (b *book) forget(g Group) error {
	return b.update(func(r *Record) {
		r.Groups = slices.DeleteFunc(r.Groups, func(o Group) bool { return o.name() == g.name() })
	})
}

// set changes one group and returns it as it is then.
func (b *book) set(g Group, change func(*Group)) (Group, error) {
	err := b.update(func(r *Record) {
		for i := range r.Groups {
			if r.Groups[i].name() == g.name() {
				change(&r.Groups[i])
				g = r.Groups[i]
			}
		}
	})
	return g, err
}
