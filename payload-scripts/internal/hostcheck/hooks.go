package hostcheck

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"onerpm/internal/hostconf/condition"
	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/hook"
	"onerpm/payload-scripts/internal/host"
)

// maxGiven bounds a file that an admin writes for a hook, in bytes.
const maxGiven = 64 << 10

// hookFindings tells of what an admin has to write before a hook can run, and of files that a hook could not be given. Nothing
// of a file's content is told.
func hookFindings(hooks manifest.Hooks) []finding.Finding {
	var out []finding.Finding
	for _, h := range hooks.All() {
		if h.Needs != nil {
			out = append(out, needsFindings(h)...)
		}
		for _, f := range h.Reads {
			if _, err := hook.Read(f, f.File); err != nil {
				out = append(out, finding.Finding{ID: "check-failed", Level: finding.Refuse,
					What: fmt.Sprintf("the hook %s could not be given what it reads: %v", h.Name(), err), Do: "correct the file, then check again"})
			}
		}
	}
	return out
}

// needsFindings looks at the file that an admin writes for a hook. Where the hook can do without, it may still be there, and is taken then.
func needsFindings(h manifest.Hook) []finding.Finding {
	needed, _, err := condition.Any(h.Needs.When, readConfig)
	if err != nil {
		return []finding.Finding{{ID: "check-failed", Level: finding.Refuse,
			What: fmt.Sprintf("could not find out whether the hook %s needs %s: %v", h.Name(), h.Needs.File, err), Do: "correct what it names, then check again"}}
	}
	if _, err := os.Lstat(h.Needs.File); errors.Is(err, os.ErrNotExist) && !needed {
		return nil
	}
	if err = given(*h.Needs); err == nil {
		return nil
	}
	return []finding.Finding{{ID: "hook-needs", Level: finding.Refuse,
		What: fmt.Sprintf("the hook %s cannot know something that you have to say: %v", h.Name(), err),
		Do:   fmt.Sprintf("write %s with, a line each: %s; then chown root and chmod 600 it", h.Needs.File, strings.Join(h.Needs.Lines, ", "))}}
}

func given(g manifest.Given) error {
	data, err := host.ReadSecret(g.File, maxGiven)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no %s", g.File)
	}
	if err != nil {
		return err
	}
	lines := strings.Split(string(data), "\n")
	for i, what := range g.Lines {
		if i >= len(lines) || strings.TrimSpace(lines[i]) == "" {
			return fmt.Errorf("%s: %s is missing in line %d", g.File, what, i+1)
		}
	}
	return nil
}
