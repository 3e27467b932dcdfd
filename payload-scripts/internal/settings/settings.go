// Package settings reads what the admin of a host decided about its upgrades:
// /etc/<p>/upgrade.conf. The file is read strictly. A mistake in it keeps an
// upgrade from starting, and never one that has begun from going on or back:
// what could be read holds then.
package settings

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

// Settings are the admin's decisions and the mistakes in the file.
type Settings struct {
	Path        string
	KeepBackups time.Duration // how long an ended attempt's backups are kept; 0 is for ever
	LockWait    time.Duration // longest wait for another package manager to end; 0 when the file does not say
	Conflicts   []Conflict
	Ended       []Ended
	Accepted    []Accepted
	Mistakes    []Mistake
}

// Conflict decides a key of a configuration file that both sides changed.
type Conflict struct {
	Target string        // absolute path
	Key    string        // a.b.c, or "*" for the whole file
	Side   manifest.Side // old keeps the host's value, new takes the release's
	Line   int
}

// Ended declares a document of a store ended whose work will never end by itself.
type Ended struct {
	Store, Table, Key string // the key as check shows it
	Value             string // the final value it gets
	Line              int
}

// Accepted is a change for the worse that the admin accepts.
type Accepted struct {
	To, Name string // the release that the upgrade leads to, and what its bundle calls the change
	Line     int
}

// Mistake is what is wrong in a line of the file; line 0 is the file as a whole.
type Mistake struct {
	Line int
	What string
}

// maxSize bounds the file, in bytes.
const maxSize = 64 << 10

// Read reads the file; one that is not there decides nothing.
func Read(path string) Settings {
	s := Settings{Path: path}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return s
	}
	var data []byte
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("it is no regular file")
	case info.Size() > maxSize:
		err = fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxSize)
	default:
		if st, ok := info.Sys().(*syscall.Stat_t); ok && (st.Uid != 0 || info.Mode()&0o022 != 0) {
			s.wrong(0, "others than root can write it: chown root %s; chmod 644 %s", path, path)
			return s
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		s.wrong(0, "it cannot be read: %v", err)
		return s
	}
	s.parse(string(data))
	return s
}

func (s *Settings) wrong(line int, format string, args ...any) {
	s.Mistakes = append(s.Mistakes, Mistake{line, fmt.Sprintf(format, args...)})
}

// parse reads lines "key = value"; a line that starts with # is a comment.
func (s *Settings) parse(text string) {
	first := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, "=") // a file's key may have one, a value never
		if at < 0 {
			s.wrong(n, "not a setting such as \"keep-backups = 30d\": %s", short(line))
			continue
		}
		key, value := strings.Join(strings.Fields(line[:at]), " "), strings.TrimSpace(line[at+1:])
		if before, twice := first[key]; twice {
			s.wrong(n, "%s is set twice; the first is on line %d", short(key), before)
			continue
		}
		first[key] = n
		s.set(n, key, value)
	}
}

func (s *Settings) set(line int, key, value string) {
	word, rest, _ := strings.Cut(key, " ")
	switch {
	case key == "keep-backups":
		keep, err := days(value)
		if err != nil {
			s.wrong(line, "keep-backups: %v", err)
		}
		s.KeepBackups = keep
	case key == "wait-for-packages":
		wait, err := time.ParseDuration(value)
		if err != nil || wait < time.Second || wait > maxWait {
			s.wrong(line, "wait-for-packages: %s is no time from 1s to %s, such as 90s or 5m", short(value), maxWait)
			return
		}
		s.LockWait = wait
	case word == "conflict":
		c, err := conflict(rest, value)
		if err != nil {
			s.wrong(line, "conflict: %v", err)
			return
		}
		c.Line = line
		s.Conflicts = append(s.Conflicts, c)
	case word == "ended":
		e, err := ended(rest, value)
		if err != nil {
			s.wrong(line, "ended: %v", err)
			return
		}
		e.Line = line
		s.Ended = append(s.Ended, e)
	case word == "accept":
		to, name, _ := strings.Cut(rest, " ")
		if to == "" || name == "" || value != "yes" {
			s.wrong(line, "accept: %s is not RELEASE NAME = yes, such as 2.0 roles = yes", short(rest+" = "+value))
			return
		}
		s.Accepted = append(s.Accepted, Accepted{To: to, Name: name, Line: line})
	default:
		s.wrong(line, "there is no setting %s; the settings are keep-backups, wait-for-packages, conflict, ended and accept", short(key))
	}
}

// maxWait bounds wait-for-packages.
const maxWait = 24 * time.Hour

// maxDays bounds keep-backups: 100 years.
const maxDays = 36500

func days(value string) (time.Duration, error) {
	if value == "forever" {
		return 0, nil
	}
	number, isDays := strings.CutSuffix(value, "d")
	n, err := strconv.Atoi(number)
	if !isDays || err != nil || n < 1 || n > maxDays {
		return 0, fmt.Errorf("%s is neither a number of days such as 30d nor forever", short(value))
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

func conflict(what, value string) (Conflict, error) {
	target, key, more := strings.Cut(what, ":")
	if !more {
		key = "*"
	}
	if !strings.HasPrefix(target, "/") || key == "" {
		return Conflict{}, fmt.Errorf("%s is not FILE or FILE:KEY, such as /etc/product.conf:server.port", short(what))
	}
	side := manifest.Side(value)
	if side != manifest.Old && side != manifest.New {
		return Conflict{}, fmt.Errorf("%s is neither old (this host's value stays) nor new (the new release's is taken)", short(value))
	}
	return Conflict{Target: target, Key: key, Side: side}, nil
}

func ended(what, value string) (Ended, error) {
	store, rest, _ := strings.Cut(what, " ")
	table, key, _ := strings.Cut(rest, " ")
	if store == "" || table == "" || key == "" || value == "" {
		return Ended{}, fmt.Errorf("%s is not STORE TABLE KEY = VALUE, such as storage executions 5e1f = failed", short(what+" = "+value))
	}
	return Ended{Store: store, Table: table, Key: key, Value: value}, nil
}

// edit is what the decision changes: a table of the manifest, nil when it has none such.
func (e Ended) edit(m *manifest.Manifest) (*manifest.StoreTable, manifest.StoreEdit, error) {
	for i := range m.Stores {
		for j := range m.Stores[i].Tables {
			if t := &m.Stores[i].Tables[j]; m.Stores[i].Name == e.Store && t.Table == e.Table {
				edit, err := t.EndedBy(e.Key, e.Value)
				return t, edit, err
			}
		}
	}
	return nil, manifest.StoreEdit{}, nil
}

// Apply puts the admin's decisions over those of the spec.
func (s *Settings) Apply(m *manifest.Manifest) {
	for _, e := range s.Ended {
		if t, edit, err := e.edit(m); t != nil && err == nil {
			t.Edit = append(slices.Clip(t.Edit), edit)
		}
	}
	for i := range m.Config {
		c := &m.Config[i]
		c.Policy = s.Policy(c.Target, c.Policy)
	}
}

// Accepts returns the line by which the admin accepts a change of the upgrade to a release, 0 for none.
func (s *Settings) Accepts(to, name string) int {
	for _, a := range s.Accepted {
		if a.To == to && a.Name == name {
			return a.Line
		}
	}
	return 0
}

// Policy returns the policy for a file with the admin's decisions over those of the spec.
func (s *Settings) Policy(target string, spec map[string]manifest.Side) map[string]manifest.Side {
	policy := spec
	for _, d := range s.Conflicts {
		if d.Target == target {
			policy = maps.Clone(policy)
			if policy == nil {
				policy = map[string]manifest.Side{}
			}
			policy[d.Key] = d.Side
		}
	}
	return policy
}

// Findings tells each mistake, and each decision about a file that is neither
// configuration of the manifest nor among the packaged ones, which are merged too.
func (s *Settings) Findings(m *manifest.Manifest, packaged ...string) []finding.Finding {
	var out []finding.Finding
	for _, w := range s.Mistakes {
		where := s.Path
		if w.Line > 0 {
			where = fmt.Sprintf("%s:%d", s.Path, w.Line)
		}
		out = append(out, finding.Finding{ID: "settings", Level: finding.Refuse,
			What: where + ": " + w.What, Do: "correct it; `" + m.Prefix + " help settings` shows all settings"})
	}
	for _, e := range s.Ended {
		switch t, _, err := e.edit(m); {
		case err != nil:
			out = append(out, finding.Finding{ID: "settings", Level: finding.Refuse,
				What: fmt.Sprintf("%s:%d: ended: %v", s.Path, e.Line, err), Do: "correct it; `" + m.Prefix + " help settings` shows all settings"})
		case t == nil:
			out = append(out, finding.Finding{ID: "settings-unused", Level: finding.Warn,
				What: fmt.Sprintf("%s:%d ends a document of %s in the store %s, and this upgrade copies none such", s.Path, e.Line, e.Table, e.Store),
				Do:   "look whether the names are right; a line that was for another upgrade may stay"})
		}
	}
	for _, a := range s.Accepted {
		known := func(k manifest.Acceptance) bool { return k.Name == a.Name }
		if a.To == m.To && !slices.ContainsFunc(m.Accept, known) {
			out = append(out, finding.Finding{ID: "settings-unused", Level: finding.Warn,
				What: fmt.Sprintf("%s:%d accepts %s, and the upgrade to %s has nothing of that name to accept", s.Path, a.Line, short(a.Name), m.To),
				Do:   "look whether the name is right"})
		}
	}
	merged := map[string]bool{}
	for _, c := range m.Config {
		merged[c.Target] = true
	}
	for _, target := range packaged {
		merged[target] = true
	}
	for _, c := range s.Conflicts {
		if !merged[c.Target] {
			out = append(out, finding.Finding{ID: "settings-unused", Level: finding.Warn,
				What: fmt.Sprintf("%s:%d decides about %s, which this upgrade does not merge", s.Path, c.Line, c.Target),
				Do:   "look whether the path is right; one that was for another upgrade may stay"})
		}
	}
	return out
}

func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return strconv.Quote(s)
}
