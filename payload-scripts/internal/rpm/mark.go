package rpm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// markTimeout bounds dnf, which may wait for a lock of its own.
const markTimeout = time.Minute

// MarkUserInstalled tells dnf or yum that packages were wanted by the user, so
// that an autoremove leaves them alone. rpm has no such mark. It asks no
// repository. A host without dnf and yumdb needs nothing.
func (h *Host) MarkUserInstalled(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	command, err := markCommand(ctx)
	if err != nil || command == nil {
		return err
	}
	if h.Root != "" {
		command = join(command[:1], []string{"--installroot=" + h.Root}, command[1:])
	}
	_, err = programs.Run(ctx, programs.Cmd{Name: command[0], Args: join(command[1:], names), Timeout: markTimeout})
	if err != nil {
		return fmt.Errorf("mark the packages as installed by the user: %w", err)
	}
	return nil
}

// markCommand returns the command that marks packages on this host, nil when there is none.
func markCommand(ctx context.Context) ([]string, error) {
	switch {
	case programs.Exists("dnf"):
		res, err := programs.Run(ctx, programs.Cmd{Name: "dnf", Args: []string{"--version"}, Timeout: markTimeout})
		if err != nil {
			return nil, fmt.Errorf("ask dnf for its version: %w", err)
		}
		verb := "install"
		if strings.HasPrefix(strings.TrimSpace(res.Stdout), "dnf5") {
			verb = "user"
		}
		return []string{"dnf", "-y", "--cacheonly", "--disablerepo=*", "mark", verb}, nil
	case programs.Exists("yumdb"):
		return []string{"yumdb", "set", "reason", "user"}, nil
	}
	return nil, nil
}
