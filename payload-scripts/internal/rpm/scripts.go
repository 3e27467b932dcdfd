package rpm

import (
	"context"
	"errors"
	"fmt"

	"onerpm/payload-scripts/internal/host"
)

// withoutOwn are the options, of the newest rpm first, that leave out the scriptlets of a
// transaction's own packages alone: %preuntrans came with rpm 4.19. rpm before 4.13 has no
// option for %posttrans, and no file triggers either.
var withoutOwn = [][]string{
	{"--nopre", "--nopost", "--nopreun", "--nopostun", "--nopretrans", "--noposttrans", "--nopreuntrans", "--nopostuntrans"},
	{"--nopre", "--nopost", "--nopreun", "--nopostun", "--nopretrans", "--noposttrans"},
}

// withoutAny leave out every scriptlet and every trigger.
var withoutAny = []string{"--noscripts", "--notriggers"}

// noUsers keeps rpm 4.19 and later from making the users that packages declare, which
// it does before anything else, whatever is left out, and fails when it cannot.
var noUsers = []string{"--define", "__systemd_sysusers %{nil}"}

// WithoutScriptlets returns the options of a transaction in which no scriptlet of the
// transaction's packages runs. With triggers, those that other packages have for files (the
// linker's cache, icons, schemas) do; then the transaction's packages must not have any themselves.
func (h *Host) WithoutScriptlets(ctx context.Context, triggers bool) ([]string, error) {
	if !triggers {
		return join(noUsers, withoutAny), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.quiet != nil {
		return join(noUsers, h.quiet), nil
	}
	quiet := withoutAny
	for _, options := range withoutOwn {
		known, err := understands(ctx, options)
		if err != nil {
			return nil, err
		}
		if known {
			quiet = options
			break
		}
	}
	h.quiet = quiet
	return join(noUsers, quiet), nil
}

// understands tells whether this host's rpm knows options.
func understands(ctx context.Context, options []string) (bool, error) {
	_, err := host.Run(ctx, host.Cmd{Name: "rpm", Args: join([]string{"-U"}, options, []string{"--version"}), Timeout: questionTimeout})
	if exit := (*host.ExitError)(nil); errors.As(err, &exit) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask rpm which options it has: %w", err)
	}
	return true, nil
}
