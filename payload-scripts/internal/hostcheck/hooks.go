package hostcheck

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
)

// maxGiven bounds a file that an admin writes for a hook, in bytes.
const maxGiven = 64 << 10

// hookFindings tells of what an admin has to write before a hook can run. Nothing of a file's content is told.
func hookFindings(hooks manifest.Hooks) []finding.Finding {
	var out []finding.Finding
	for _, h := range hooks.All() {
		if h.Needs == nil {
			continue
		}
		if err := given(*h.Needs); err != nil {
			out = append(out, finding.Finding{ID: "hook-needs", Level: finding.Refuse,
				What: fmt.Sprintf("the hook %s cannot know something that you have to say: %v", h.Name(), err),
				Do:   fmt.Sprintf("write %s with, a line each: %s; then chown root and chmod 600 it", h.Needs.File, strings.Join(h.Needs.Lines, ", "))})
		}
	}
	return out
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
			return fmt.Errorf("%s lacks %s in line %d", g.File, what, i+1)
		}
	}
	return nil
}
