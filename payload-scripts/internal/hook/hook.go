// Package hook runs a product's own programs as steps of the line, and undoes
// them. It promises that a hook is never there twice: what an earlier engine
// process left running is ended first, and nothing of a hook outlives its step. A
// hook gets as input the files that it reads, or /dev/null, the C locale, an environment that is documented in
// docs/hooks.md and holds no secret, and a folder for notes; it is ended, with all
// that it started, when its time is over. What it says is in the log.
package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

// Phases as a hook is told them in ONERPM_PHASE.
const (
	Prepare = "prepare"
	Switch  = "switch"
	Open    = "open"
)

// Room is where the hooks of one attempt run.
type Room struct {
	Manifest *manifest.Manifest
	Bundle   string // the attempt's own folder with the bundle's files
	Attempt  string // its id
	Var      string // its folder under /var/lib/<p>
	Merged   string // folder with the configuration files as the new release will have them
	Saved    string // folder with those as the old release had them
}

// Run runs a hook of a phase.
func (r Room) Run(ctx context.Context, phase string, h manifest.Hook) error {
	input, err := r.input(h)
	if err != nil {
		return fmt.Errorf("hook %s: %w", h.Run, err)
	}
	return r.start(ctx, phase, manifest.New, h, h.Run, input)
}

// Undo takes back what a hook did, or began to do. A hook without an undo has nothing to take back.
func (r Room) Undo(ctx context.Context, phase string, h manifest.Hook) error {
	if h.Undo == "" {
		return nil
	}
	return r.start(ctx, phase, manifest.Old, h, h.Undo, nil)
}

func (r Room) start(ctx context.Context, phase string, side manifest.Side, h manifest.Hook, program string, input io.Reader) error {
	notes := filepath.Join(r.Var, "hooks", h.Name())
	if err := os.MkdirAll(notes, 0o700); err != nil {
		return fmt.Errorf("make the folder for notes of the hook %s: %w", h.Name(), err)
	}
	slog.Info("hook", "program", program, "side", side)
	err := r.run(ctx, programs.Cmd{Name: filepath.Join(r.Bundle, program), Env: r.environment(phase, side, notes), Timeout: h.Timeout.D(), Input: input})
	if err != nil {
		return fmt.Errorf("hook %s: %w", program, err)
	}
	return host.SyncFS(notes)
}

// Command runs a program of the host as a hook is run, but with no more in its environment than
// the mark: it is never there twice, and nothing of it outlives the call.
func (r Room) Command(ctx context.Context, words []string, timeout time.Duration) error {
	slog.Info("run", "command", strings.Join(words, " "))
	return r.run(ctx, programs.Cmd{Name: words[0], Args: words[1:], Env: []string{r.mark()}, Timeout: timeout})
}

// run runs a program in a scope of its own, between two looks for what is left of earlier ones.
func (r Room) run(ctx context.Context, c programs.Cmd) error {
	if err := r.EndLeftovers(ctx); err != nil {
		return err
	}
	out, errs := &lines{hook: filepath.Base(c.Name), stream: "stdout"}, &lines{hook: filepath.Base(c.Name), stream: "stderr"}
	c.Stdout, c.Stderr, c.Scope = out, errs, true
	_, err := programs.Run(ctx, c)
	out.flush()
	errs.flush()
	// Should its keeper have been killed, what has the mark is found all the same.
	return errors.Join(err, r.EndLeftovers(context.WithoutCancel(ctx)))
}

// environment is what a hook finds in its environment; docs/hooks.md documents it.
func (r Room) environment(phase string, side manifest.Side, notes string) []string {
	return []string{
		"ONERPM_FROM=" + r.Manifest.From,
		"ONERPM_TO=" + r.Manifest.To,
		"ONERPM_PREFIX=" + r.Manifest.Prefix,
		"ONERPM_PHASE=" + phase,
		"ONERPM_SIDE=" + string(side),
		"ONERPM_BUNDLE=" + r.Bundle,
		"ONERPM_NOTES=" + notes,
		"ONERPM_MERGED=" + r.Merged,
		r.mark(),
	}
}

// mark is the part of the environment by which a process is known as one of this attempt's hooks.
func (r Room) mark() string { return "ONERPM_ATTEMPT=" + r.Attempt }

// maxLine and maxLines bound what the log takes of one stream of a hook.
const (
	maxLine  = 1000 // bytes
	maxLines = 2000
)

// lines is a writer that puts whole lines into the log.
type lines struct {
	hook, stream string
	part         []byte
	count        int
}

func (l *lines) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			l.flush()
		} else if len(l.part) < maxLine {
			l.part = append(l.part, b)
		}
	}
	return len(p), nil
}

func (l *lines) flush() {
	text := strings.TrimSpace(string(l.part))
	l.part = l.part[:0]
	if text == "" || l.count > maxLines {
		return
	}
	if l.count++; l.count > maxLines {
		text = "(the rest is left out)"
	}
	slog.Info("hook says", "hook", l.hook, "stream", l.stream, "line", text)
}
