package rpm

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/programs"
)

// DB is a database of rpm's: the host's own, that of a root, or a copy.
type DB struct {
	global []string // arguments that every call of rpm begins with
}

// DBAt is the database in a folder.
func DBAt(folder string) DB { return DB{global: []string{"--dbpath", folder}} }

// Installed returns what the database has of packages with the names. A name with
// several entries has them in rpm's order.
func (d DB) Installed(ctx context.Context, names []string) (map[string][]nevra.ID, error) {
	args := join(d.global, []string{"-q", "--qf", `=%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\n`, "--"}, names)
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: args, Timeout: questionTimeout})
	// rpm's status is the number of names that are not installed, which is no error here.
	if exit := (*programs.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !answered(res)) {
		return nil, fmt.Errorf("ask rpm for the installed packages: %w", err)
	}
	found, err := parseInstalled(res.Stdout)
	if err != nil {
		return nil, fmt.Errorf("ask rpm for the installed packages: %w", err)
	}
	return found, nil
}

func parseInstalled(text string) (map[string][]nevra.ID, error) {
	found := map[string][]nevra.ID{}
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Split(strings.TrimPrefix(line, "="), "\t")
		if !strings.HasPrefix(line, "=") || len(fields) != 3 {
			continue
		}
		id, err := nevra.ParseEVR(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fields[0], err)
		}
		id.Name, id.Arch = fields[0], fields[2]
		found[id.Name] = append(found[id.Name], id)
	}
	return found, nil
}

// answered reports whether every line of rpm -q is an answer, so that its
// status only counts the packages that are not installed.
func answered(res programs.Result) bool {
	missing := 0
	for _, line := range strings.Split(strings.TrimSpace(res.Stdout), "\n") {
		switch {
		case strings.HasPrefix(line, "="):
		case strings.HasSuffix(line, " is not installed"):
			missing++
		default:
			return false
		}
	}
	return missing > 0 && !strings.Contains(res.Stderr, "error:")
}

// All returns every package of the database, as name-epoch:version-release.arch, sorted.
func (d DB) All(ctx context.Context) ([]string, error) {
	args := join(d.global, []string{"-qa", "--qf", `%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n`})
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: args, Timeout: questionTimeout})
	if err != nil {
		return nil, fmt.Errorf("list all packages: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(res.Stdout), "\n")
	sort.Strings(lines)
	return lines, nil
}

// ownerBatch is how many files one question about owners is about.
const ownerBatch = 500

// Unowned returns those of the files that belong to no installed package, sorted.
func (d DB) Unowned(ctx context.Context, paths []string) ([]string, error) {
	sort.Strings(paths)
	var found []string
	for len(paths) > 0 {
		n := min(ownerBatch, len(paths))
		args := join(d.global, []string{"-q", "--qf", `=%{NAME}\n`, "-f", "--"}, paths[:n])
		res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: args, Timeout: questionTimeout})
		if exit := (*programs.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			return nil, fmt.Errorf("ask rpm whom files belong to: %w", err)
		}
		found = append(found, notOwned(res)...)
		paths = paths[n:]
	}
	return found, nil
}

// notOwned reads the paths that belong to nothing out of rpm's answer. With --root
// rpm looks for a path that it does not know outside of the root, and says so on stderr.
func notOwned(res programs.Result) []string {
	var found []string
	for _, line := range strings.Split(res.Stdout+"\n"+res.Stderr, "\n") {
		for _, end := range []string{" is not owned by any package", ": No such file or directory"} {
			if rest, ok := strings.CutSuffix(line, end); ok {
				found = append(found, strings.TrimPrefix(strings.TrimPrefix(rest, "error: "), "file "))
			}
		}
	}
	return found
}
