package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/bench/internal/outside"
	"onerpm/test/host"
)

const (
	door     = "http://127.0.0.1/api/v2.1/"
	question = door + "version"
	quiet    = 20 * time.Second // of asking before the upgrade
)

// report is what the upgrade says of itself.
type report struct {
	Outcome string            `json:"outcome"`
	Window  manifest.Duration `json:"window"`
	Steps   []step            `json:"steps"`
	Stores  map[string]struct {
		Documents int64 `json:"documents"`
	} `json:"stores"`
}

type step struct {
	Name  string    `json:"name"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

func (s step) took() time.Duration { return s.Ended.Sub(s.Began) }

// Steps of the upgrade.
const (
	firstPass  = "copy the stores"
	secondPass = "stores to new"
)

func (r report) step(name string) step {
	i := slices.IndexFunc(r.Steps, func(s step) bool { return s.Name == name })
	if i < 0 {
		return step{}
	}
	return r.Steps[i]
}

// administrator is what the jump needs of an admin.
const administrator = `umask 077; mkdir -p /etc/cloudify-upgrade; printf 'administrator\nopen-sesame-42\n' >/etc/cloudify-upgrade/administrator; echo 'accept 4.0.1 credentials = yes' >>/etc/cloudify-upgrade/upgrade.conf`

// upgrade upgrades the machine, seen from outside all the time.
func upgrade(ctx context.Context, m *host.Machine, bundle, instance string, r *result) error {
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		return err
	}
	if _, err := m.Output(ctx, administrator); err != nil {
		return err
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	asked := make(chan answers, 1)
	go func() {
		asked <- askAll(asking, m.HTTP(), []string{door + "executions?_size=100&_sort=-created_at", door + "node-instances/" + instance})
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(quiet):
	}
	watched := make(chan watch, 1)
	go func() { watched <- watchEngine(asking, m) }()
	var err error
	r.total, r.window, err = outside.Measure(ctx, m.HTTP(), question, func() error {
		_, err := m.Output(ctx, "dnf install -y /root/bundle.rpm >/dev/null && cloudify-upgrade wait || { cloudify-upgrade report; exit 1; }")
		return err
	})
	stop()
	r.asked = <-asked
	seen := <-watched
	if err != nil {
		return err
	}
	if seen.err != nil {
		return seen.err
	}
	if err := r.readReport(ctx, m); err != nil {
		return err
	}
	r.peaks = seen.peaks(r.told.step(firstPass).Ended)
	if r.peaks.first == 0 {
		return errors.New("the engine's memory was not seen")
	}
	return nil
}

// readReport reads what the upgrade says of itself, and sees that a user's questions were answered while it mattered.
func (r *result) readReport(ctx context.Context, m *host.Machine) error {
	text, err := m.Output(ctx, "cloudify-upgrade report --json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), &r.told); err != nil {
		return err
	}
	for _, name := range []string{firstPass, secondPass} {
		if r.told.step(name).Ended.IsZero() {
			return fmt.Errorf("the upgrade tells of no step %q", name)
		}
	}
	for url := range 2 {
		if before, during := r.before(url), r.during(url); before == 0 || before == outside.Patience || during == 0 {
			return fmt.Errorf("question %d of a user: median of the answers before %v, in the first pass %v; it was not answered, or that pass was too short", url, before, during)
		}
	}
	return nil
}
