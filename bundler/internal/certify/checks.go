package certify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

// The phases that a product's check is called with.
const (
	phasePrepare = "prepare" // before anything is looked at: what an admin has to do or to say
	phaseBefore  = "before"  // the old release serves; what is noted here is compared later
	phaseLoad    = "load"    // the upgrade runs: write something, note what was acknowledged; called again and again
	phaseAfter   = "after"   // the new release serves
	phaseBack    = "back"    // the old release serves again
)

// checkLimit bounds one call of a check, in seconds.
const checkLimit = "300"

// The limits of a product's checks.
const (
	maxChecks     = 100
	maxCheckBytes = 1 << 20
)

// Checks are what a product adds to the checks of every bundle: specs/<jump>/certify.
type Checks struct {
	Scripts  []Script
	Requests []Request // that clients make, besides the health questions of doors
	Agents   *Script   // of the scenario agents alone: its argument is a word of that; nil without one
}

// Script is a check for the machine's /bin/sh. Its argument is the phase.
type Script struct {
	Check
	text []byte
}

var scriptGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*\.sh$`)

// LoadChecks reads the checks in a folder; one that is not there has none. The error is every mistake in it, a [mistake.List], with exit code exit.Spec.
func LoadChecks(dir string) (Checks, error) {
	c := Checks{}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, exit.With(exit.Spec, fmt.Errorf("read the product's checks: %w", err), "")
	}
	var wrong mistake.List
	for _, e := range entries {
		if release.Note(e) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := readBounded(path, maxCheckBytes)
		switch {
		case err != nil:
			wrong.Add(mistake.Mistake{File: path, What: "cannot be read: " + err.Error()})
		case len(text) > maxCheckBytes:
			wrong.Add(mistake.Mistake{File: path, What: fmt.Sprintf("has more than %d bytes", maxCheckBytes)})
		default:
			wrong = append(wrong, c.take(path, text)...)
		}
	}
	if n := len(c.Scripts) + len(c.Requests); n > maxChecks {
		wrong.Add(mistake.Mistake{File: dir, What: fmt.Sprintf("has %d files, more than %d", n, maxChecks)})
	}
	if len(wrong) > 0 {
		return c, exit.With(exit.Spec, wrong, "")
	}
	return c, nil
}

// take takes in a script or a request, and returns what is wrong with it.
func (c *Checks) take(path string, text []byte) mistake.List {
	sum := sha256.Sum256(text)
	check := Check{filepath.Base(path), hex.EncodeToString(sum[:])}
	switch {
	case check.Name == release.AgentsScript:
		c.Agents = &Script{check, text}
	case scriptGrammar.MatchString(check.Name):
		c.Scripts = append(c.Scripts, Script{check, text})
	case requestGrammar.MatchString(check.Name):
		q, wrong := readRequest(check, text)
		for i := range wrong {
			wrong[i].File = path
		}
		c.Requests = append(c.Requests, q)
		return wrong
	default:
		return mistake.List{{File: path, What: "is neither a script *.sh nor a request *.http", Allowed: "what is not compared stands in upgrade.yaml, certify: leave_out"}}
	}
	return nil
}

func (c Checks) list() []Check {
	list := make([]Check, 0, len(c.Scripts)+len(c.Requests))
	for _, s := range c.Scripts {
		list = append(list, s.Check)
	}
	for _, q := range c.Requests {
		list = append(list, q.Check)
	}
	if c.Agents != nil {
		list = append(list, c.Agents.Check)
	}
	slices.SortFunc(list, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// forLoad finds the word load where a script looks at its argument: not in comments, and not as a part of another word.
var forLoad = regexp.MustCompile(`(?m)^[^#\n]*?(?:^|[^A-Za-z0-9_./$#{-])load(?:[^A-Za-z0-9_./=-]|$)`)

// writers are the scripts that write while an upgrade runs: those with the word load in them. Another one ends well with
// every word that it does not know, and would be taken for one that wrote.
func (c Checks) writers() []Script {
	var list []Script
	for _, s := range c.Scripts {
		if forLoad.Match(s.text) {
			list = append(list, s)
		}
	}
	return list
}

// giveChecks brings the scripts to the machine.
func (r *run) giveChecks(ctx context.Context) error {
	scripts := r.checks.Scripts
	if r.checks.Agents != nil {
		scripts = append(slices.Clone(scripts), *r.checks.Agents)
	}
	for _, s := range scripts {
		if _, err := r.machine.send(ctx, r.at(s.Name), bytes.NewReader(s.text)); err != nil {
			return err
		}
	}
	return nil
}

// callCheck is the command that calls one check.
func (r *run) callCheck(s Script, phase string) string {
	return fmt.Sprintf("(cd / && ONERPM_FROM=%s ONERPM_TO=%s ONERPM_PREFIX=%s ONERPM_NOTES=%s exec timeout %s /bin/sh %s %s)",
		quote(r.m.From), quote(r.m.To), quote(r.m.Prefix), r.at("notes"), checkLimit, r.at(s.Name), phase)
}

// productIs lets the product's own checks judge.
func (r *run) productIs(ctx context.Context, phase string) faults {
	var f faults
	for _, s := range r.checks.Scripts {
		got, err := r.machine.sh(ctx, r.callCheck(s, phase))
		switch {
		case err != nil:
			f.add("%s %s: %v", s.Name, phase, err)
		case got.code != 0:
			f.add("%s %s: exit code %d: %s", s.Name, phase, got.code, got.outputTail())
		}
	}
	return f
}
