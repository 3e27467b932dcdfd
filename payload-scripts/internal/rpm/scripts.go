package rpm

import (
	"context"
	"errors"
	"fmt"

	"onerpm/payload-scripts/internal/programs"
)

// withoutPlain leave out the scriptlets of a transaction's own packages, but for those of the
// transaction as a whole.
var withoutPlain = []string{"--nopre", "--nopost", "--nopreun", "--nopostun"}

// withoutTransaction are the options, of the newest rpm first, that leave those out too:
// %preuntrans came with rpm 4.19. rpm before 4.13 has none. The price of --noposttrans
// is that %transfiletriggerin of other packages does not run either; %filetriggerin does.
var withoutTransaction = [][]string{
	{"--nopretrans", "--noposttrans", "--nopreuntrans", "--nopostuntrans"},
	{"--nopretrans", "--noposttrans"},
}

// withoutAny leave out every scriptlet and every trigger.
var withoutAny = []string{"--noscripts", "--notriggers"}

// noUsers keeps rpm 4.19 and later from making the users that packages declare, which
// it does before anything else, whatever is left out, and fails when it cannot.
var noUsers = []string{"--define", "__systemd_sysusers %{nil}"}

// Own is what the packages of a transaction have themselves.
type Own struct {
	Triggers    bool // scriptlets that other packages, or their files, set off
	Transaction bool // scriptlets of the transaction as a whole: %pretrans, %posttrans and the like
}

// WithoutScriptlets returns the options of a transaction in which no scriptlet of the
// transaction's packages runs, and as many of the triggers that other packages have (for the
// linker's cache, icons, schemas) as can be told apart from them.
func (h *Host) WithoutScriptlets(ctx context.Context, own Own) ([]string, error) {
	switch {
	case own.Triggers:
		return join(noUsers, withoutAny), nil
	case !own.Transaction:
		return join(noUsers, withoutPlain), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.quiet == nil {
		quiet := withoutAny
		for _, options := range withoutTransaction {
			known, err := understands(ctx, options)
			if err != nil {
				return nil, err
			}
			if known {
				quiet = join(withoutPlain, options)
				break
			}
		}
		h.quiet = quiet
	}
	return join(noUsers, h.quiet), nil
}

// understands tells whether this host's rpm knows options.
func understands(ctx context.Context, options []string) (bool, error) {
	_, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: join([]string{"-U"}, options, []string{"--version"}), Timeout: questionTimeout})
	if exit := (*programs.ExitError)(nil); errors.As(err, &exit) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask rpm which options it has: %w", err)
	}
	return true, nil
}
