package rpm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"onerpm/payload-scripts/internal/programs"
)

// trialTimeout ends a trial, which changes nothing that counts.
const trialTimeout = 10 * questionTimeout

// noPlugins keeps plugins from telling the audit log and others of a transaction that is none.
var noPlugins = []string{"--define", "__plugindir /nonexistent"}

// Try runs a transaction on a copy of the database that lies in folder, without files and
// scriptlets, and returns what rpm complains of, one each. err is set when rpm did not get that far.
func Try(ctx context.Context, folder string, args []string) ([]string, error) {
	return problems(ctx, join([]string{"--dbpath", folder}, noPlugins, noUsers, []string{"--justdb"}, withoutAny, args))
}

// Test lets rpm test a transaction against the host itself, for conflicts of files and
// room, and returns what it complains of.
func (h *Host) Test(ctx context.Context, args []string) ([]string, error) {
	return problems(ctx, join(h.args(), []string{"--test"}, args))
}

// Rehearse runs a transaction in an empty root of its own, with a copy of the database at
// dbpath in it, without scriptlets: they know nothing of a root that has no other file.
func Rehearse(ctx context.Context, root, dbpath string, args []string) error {
	global := join([]string{"--root", root, "--dbpath", dbpath}, noPlugins, noUsers, withoutAny)
	_, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: join(global, args), Timeout: trialTimeout})
	return err
}

func problems(ctx context.Context, args []string) ([]string, error) {
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: args, Timeout: trialTimeout})
	if err == nil {
		return nil, nil
	}
	if exit := (*programs.ExitError)(nil); !errors.As(err, &exit) || res.Code < 0 {
		return nil, fmt.Errorf("try the packages: %w", err)
	}
	said := complaints(res.Stderr)
	if len(said) == 0 {
		return nil, fmt.Errorf("try the packages: %w", err)
	}
	return said, nil
}

// complaints reads rpm's problems out of what it said.
func complaints(stderr string) []string {
	var said []string
	for _, line := range strings.Split(stderr, "\n") {
		line = strings.TrimSpace(line)
		// "error: Failed dependencies:" is a heading of the lines after it.
		if line == "" || strings.HasPrefix(line, "warning:") || strings.HasSuffix(line, ":") || strings.HasPrefix(line, "rpm: ") {
			continue
		}
		said = append(said, strings.TrimPrefix(line, "error: "))
	}
	return said
}
