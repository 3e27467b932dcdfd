package fleet

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Bounds of what is read. Machines are not trusted.
const (
	maxFiles = 50_000
	maxFile  = 16 << 20 // bytes; a report has a line for each step and each configuration file
	maxText  = 500      // characters of a cause
	maxName  = 255
)

// answer is what a file may hold, of all kinds. One of them has what an upgrade came to, with the answer in it.
type answer struct {
	Stage   string          `json:"stage"`
	Failed  string          `json:"failed"` // the command could not do its work
	Answer  json.RawMessage `json:"answer"`
	Verdict string          `json:"verdict"` // of a check
	Outcome *string         `json:"outcome"` // of a report; "" while the upgrade is under way
	Why     string          `json:"why"`     // nothing was started, or it failed
	Cause   string          `json:"cause"`   // of a summary
	Refused bool            `json:"refused"` // likewise: because of the findings

	From     string    `json:"from"`
	To       string    `json:"to"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Window   string    `json:"window"`
	Measured bool      `json:"window_measured"`
	Error    string    `json:"error"`
	Todo     string    `json:"todo"`
	Agents   *struct {
		State string `json:"state"`
	} `json:"agents"`
	Findings []struct {
		ID    string `json:"id"`
		Level string `json:"level"`
		What  string `json:"what"`
		Do    string `json:"do"`
	} `json:"findings"`

	at time.Time // when it was given, as far as that is known
}

// told are the newest answers of a machine.
type told struct{ check, report, unstarted *answer }

// Read reads all answers below a folder. A file that is none is skipped and told; it is an error when there is no answer at all.
func Read(dir string) (*Fleet, error) {
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return nil, fmt.Errorf("read the reports: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	machines, skipped, files := map[string]*told{}, []Skipped{}, 0
	err = fs.WalkDir(root.FS(), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := machineOf(file)
		if d.IsDir() || name == "" {
			return nil
		}
		if files++; files > maxFiles {
			return fmt.Errorf("there are more than %d files", maxFiles)
		}
		a, err := readAnswer(root, file, d)
		switch {
		case err != nil:
			skipped = append(skipped, Skipped{clean(file, maxText), clean(err.Error(), maxText)})
		case a != nil:
			if machines[name] == nil {
				machines[name] = &told{}
			}
			machines[name].note(a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the reports in %s: %w", dir, err)
	}
	var all []Machine
	for name, t := range machines {
		all = append(all, t.machine(name))
	}
	return newFleet(all, skipped), nil
}

// machineOf is the machine that a file is about, "" for a file that holds no answer by its name:
//
//	NAME.json                                                  a report that somebody fetched by hand
//	NAME/check.json, NAME/report.json                          what the Ansible collection leaves
//	.../NAME/awsrunShellScript/STEP/stdout                     what Run Command leaves in a bucket
func machineOf(file string) string {
	dir, base := path.Split(file)
	dir = strings.TrimSuffix(dir, "/")
	name := ""
	switch {
	case strings.HasPrefix(base, "."):
	case (base == "check.json" || base == "report.json" || base == "rehearsal.json") && dir != "":
		name = path.Base(dir)
	case strings.HasSuffix(base, ".json"):
		name = strings.TrimSuffix(base, ".json")
	case base == "stdout" && path.Base(path.Dir(dir)) == "awsrunShellScript":
		name = path.Base(path.Dir(path.Dir(dir)))
	}
	return clean(name, maxName)
}

// readAnswer reads one file; nil is an answer that says nothing of where a machine is, such as a rehearsal's.
func readAnswer(root *os.Root, file string, d fs.DirEntry) (*answer, error) {
	if !d.Type().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := root.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("it has more than %d MiB", maxFile>>20)
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, notAnswer(err)
	}
	if a.Stage != "" && len(a.Answer) > 0 {
		inner := answer{}
		if err := json.Unmarshal(a.Answer, &inner); err != nil {
			return nil, notAnswer(err)
		}
		a = inner
	}
	if a.Failed != "" {
		return nil, fmt.Errorf("the command %s failed: %s", a.Failed, a.Why)
	}
	a.Error, a.Why = cmp.Or(a.Error, a.Cause), cmp.Or(a.Why, a.Cause)
	if a.Verdict == "" && a.Outcome == nil {
		return nil, nil //nolint:nilnil // as the comment says
	}
	if a.at = a.Ended; a.at.IsZero() {
		a.at = a.Began
	}
	if a.at.IsZero() {
		a.at = info.ModTime()
	}
	return &a, nil
}

// notAnswer is an error without the names of this package's types.
func notAnswer(err error) error {
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		return fmt.Errorf("it is no answer of an upgrade: %s where something else is expected", cmp.Or(kind.Field, "it")+" is a JSON "+kind.Value)
	}
	return fmt.Errorf("it is no answer of an upgrade: %w", err)
}

// note keeps an answer when it is newer than what is known.
func (t *told) note(a *answer) {
	at := &t.report
	switch {
	case a.Verdict != "":
		at = &t.check
	case *a.Outcome == "not-started":
		at = &t.unstarted
	}
	if *at == nil || (*at).at.Before(a.at) {
		*at = a
	}
}

// unfinished are the verdicts of a check on a machine with an upgrade that has not ended.
var unfinished = map[string]State{"under-way": UnderWay, "needs-a-person": NeedsAPerson}

// machine decides where a machine is. What an upgrade reached holds whatever a check said, which may have been before it, but
// where the check met a later one that has not ended; a refusal is told when no upgrade came after it.
func (t *told) machine(name string) Machine {
	m := Machine{Name: name}
	refusal := t.check
	if refusal == nil || refusal.Verdict != "refused" {
		refusal = nil
	}
	if u := t.unstarted; u != nil && u.Refused && (refusal == nil || u.at.After(refusal.at)) {
		refusal = u
	}
	isNew := t.check != nil && t.check.Verdict == "nothing-to-do"
	is := func(s State) bool { return t.report != nil && *t.report.Outcome == string(s) }
	met := t.check != nil && unfinished[t.check.Verdict] != "" && (t.report == nil || t.check.at.After(t.report.at))
	switch {
	case met && !is(NeedsAPerson):
		m.fill(t.check)
		if m.State = unfinished[t.check.Verdict]; m.State == NeedsAPerson {
			m.fromFindings(t.check)
		}
	case is(Upgraded), is(NeedsAPerson), t.report != nil && !isNew && (refusal == nil || t.report.at.After(refusal.at)):
		m.fromReport(t.report)
	case refusal != nil:
		m.fill(refusal)
		m.State = Refused
		m.fromFindings(refusal)
	case t.check != nil:
		m.fill(t.check)
		if m.State = Ready; isNew {
			m.State = Upgraded
		}
	default: // nothing was started, and nothing was in the way
		m.fill(t.unstarted)
		m.State = Ready
	}
	return m
}

func (m *Machine) fill(a *answer) { m.From, m.To = clean(a.From, maxName), clean(a.To, maxName) }

func (m *Machine) fromReport(r *answer) {
	m.fill(r)
	m.Ended, m.Measured, m.Todo = r.Ended, r.Measured, clean(r.Todo, maxText)
	if w, err := time.ParseDuration(r.Window); err == nil && w > 0 && w < 366*24*time.Hour {
		m.Window, m.Seconds = w, w.Seconds()
	}
	switch s := State(*r.Outcome); s {
	case "", UnderWay:
		m.State = UnderWay
	case Upgraded, RolledBack, Refused, NeedsAPerson:
		m.State = s
	default:
		m.State = NeedsAPerson // nobody knows what that is
		r.Error = fmt.Sprintf("its outcome is %q", *r.Outcome)
	}
	m.Agents = m.State == Upgraded && r.Agents != nil && r.Agents.State != "done" && r.Agents.State != "left"
	if !m.State.failed() {
		return
	}
	if r.Error == "" {
		m.fromFindings(r)
		return
	}
	m.Cause = clean(r.Error, maxText)
	m.causes = []reason{{m.Cause, figures.ReplaceAllString(m.Cause, "0")}}
}

// fromFindings takes what stood in the way for the cause.
func (m *Machine) fromFindings(a *answer) {
	var what, do []string
	for _, f := range a.Findings {
		if f.Level != "refuse" || len(what) == maxCauses {
			continue
		}
		id := clean(f.ID, maxName)
		text := clean(f.What, maxText) + " (" + id + ")"
		what, m.causes = append(what, text), append(m.causes, reason{text, id})
		if f.Do != "" {
			do = append(do, clean(f.Do, maxText))
		}
	}
	if len(what) == 0 {
		what = []string{cmp.Or(clean(a.Why, maxText), "no cause is told")}
		m.causes = []reason{{what[0], what[0]}}
	}
	m.Cause = strings.Join(what, "; ")
	if len(do) > 0 {
		m.Todo = strings.Join(do, "; ")
	}
}

// maxCauses are told of a machine.
const maxCauses = 20

// figures differ from machine to machine where the cause is the same.
var figures = regexp.MustCompile(`[0-9]+`)

// clean makes text of a machine one line without control characters, of most characters at most.
func clean(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.Join(strings.Fields(s), " ") {
		switch {
		case n == most:
			return b.String() + "..."
		case r == unicode.ReplacementChar, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			b.WriteRune('?') // also what turns the direction of writing around
		default:
			b.WriteRune(r)
		}
		n++
	}
	return b.String()
}
