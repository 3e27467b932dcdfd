// Package dbstate tells how the databases of a jump stand as PostgreSQL servers: primary or standby, at which position of
// the write-ahead log, of which cluster and on which timeline. It promises to take no longer than it is given, whatever
// the servers do, to write nothing, and to say of each value that it cannot tell why.
package dbstate

import (
	"context"
	"fmt"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/layout"
)

// Role is a server's part in replication.
type Role string

// The roles.
const (
	Primary Role = "primary" // it takes writes
	Standby Role = "standby" // it is in recovery: it replays what a primary writes
)

// State is how one database stands. What is not known is left out, and Why says why.
type State struct {
	Name     string `json:"name"`                        // name of the database in the bundle
	Role     Role   `json:"role,omitempty"`              // part of its server in replication
	LSN      string `json:"lsn,omitempty"`               // position in the write-ahead log, as PostgreSQL writes it: written on a primary, replayed on a standby
	Received string `json:"received_lsn,omitempty"`      // position up to which a standby has received it by streaming
	System   string `json:"system_identifier,omitempty"` // identifier of the cluster, the same on a primary and its standbys; a number of 64 bits, as text
	Timeline int64  `json:"timeline,omitempty"`          // timeline that the server is on
	Why      string `json:"why,omitempty"`               // why something of it is not known
}

// Patience is how long a server may take to answer.
const Patience = 3 * time.Second

// All asks the servers of all databases of a bundle, at once.
func All(ctx context.Context, b *layout.Bundle) []State { return all(ctx, b, Patience) }

func all(ctx context.Context, b *layout.Bundle, patience time.Duration) []State {
	states := make([]State, len(b.Manifest.Databases))
	answers := make([]<-chan State, len(states))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for i, spec := range b.Manifest.Databases {
		answers[i] = begin(ctx, b, spec)
	}
	for i, spec := range b.Manifest.Databases {
		select {
		case states[i] = <-answers[i]:
		case <-ctx.Done():
			states[i] = State{Name: spec.Name, Why: fmt.Sprintf("it did not answer within %s", patience)}
		}
	}
	return states
}

// begin asks one server. Nobody need wait for its answer: what does not heed the context, such as a file system that hangs,
// holds nobody up.
func begin(ctx context.Context, b *layout.Bundle, spec manifest.Database) <-chan State {
	answer := make(chan State, 1)
	go func() {
		s := State{Name: spec.Name}
		if err := s.ask(ctx, b, spec); err != nil {
			s.Why = redact.Prose(err.Error())
			if spec.Only == manifest.New {
				s.Why = "only " + b.Manifest.To + " has it: " + s.Why
			}
		}
		answer <- s
	}()
	return answer
}

func (s *State) ask(ctx context.Context, b *layout.Bundle, spec manifest.Database) error {
	db, err := database.Open(ctx, spec, b.Manifest.Prefix, "status", b.Manifest.Limits)
	if err != nil {
		return err
	}
	defer db.Close()
	version, err := db.Count(ctx, "SELECT current_setting('server_version_num')")
	if err != nil {
		return err
	}
	if err := s.position(ctx, db, version); err != nil {
		return fmt.Errorf("ask for its position: %w", err)
	}
	if err := s.cluster(ctx, db, version); err != nil {
		return fmt.Errorf("ask for its cluster and timeline: %w", err)
	}
	return nil
}
