package packages

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
	"onerpm/payload-scripts/internal/host"
)

// queryTimeout ends a question to rpm that hangs on a damaged database. A
// question changes nothing: it may be killed.
const queryTimeout = 2 * time.Minute

// Installed returns what rpm's database has of the product: every package
// whose name is in one of the two sets or is that of a helper package of the
// bundle. A name with several entries has them in rpm's order.
func (s *Set) Installed(ctx context.Context) (map[string][]nevra.ID, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	return s.Ask(ctx, names)
}

// Ask returns what rpm's database has of packages with the names.
func (s *Set) Ask(ctx context.Context, names []string) (map[string][]nevra.ID, error) {
	return ask(ctx, s.rpm(), names)
}

// ask asks the database that the global arguments choose.
func ask(ctx context.Context, global, names []string) (map[string][]nevra.ID, error) {
	args := append([]string{}, global...)
	args = append(args, "-q", "--qf", `=%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\n`, "--")
	args = append(args, names...)
	res, err := host.Run(ctx, host.Cmd{Name: "rpm", Args: args, Timeout: queryTimeout})
	// rpm's status is the number of names that are not installed, which is no error here.
	if exit := (*host.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !answered(res)) {
		return nil, fmt.Errorf("ask rpm for the installed packages: %w", err)
	}
	found := map[string][]nevra.ID{}
	for _, line := range strings.Split(res.Stdout, "\n") {
		fields := strings.Split(strings.TrimPrefix(line, "="), "\t")
		if !strings.HasPrefix(line, "=") || len(fields) != 3 {
			continue
		}
		id, err := nevra.ParseEVR(fields[1])
		if err != nil {
			return nil, fmt.Errorf("ask rpm for the installed packages: %s: %w", fields[0], err)
		}
		id.Name, id.Arch = fields[0], fields[2]
		found[id.Name] = append(found[id.Name], id)
	}
	return found, nil
}

// answered reports whether every line of rpm -q is an answer, so that its
// status only counts the packages that are not installed.
func answered(res host.Result) bool {
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

// names returns all names that Installed asks for, sorted.
func (s *Set) names() ([]string, error) {
	names := map[string]bool{}
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, p := range s.Manifest.Set(side) {
			names[p.Name] = true
		}
		helper, _, err := s.helper(side)
		if err != nil {
			return nil, err
		}
		if helper != "" {
			names[helper] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted, nil
}

// rpm returns the arguments that every call of rpm begins with.
func (s *Set) rpm() []string {
	if s.Root == "" {
		return nil
	}
	return []string{"--root", s.Root}
}

// DBPath returns the folder of rpm's database, as seen from outside Root.
func (s *Set) DBPath(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dbpath != "" {
		return s.dbpath, nil
	}
	res, err := host.Run(ctx, host.Cmd{Name: "rpm", Args: []string{"--eval", "%{_dbpath}"}, Timeout: queryTimeout})
	if err != nil {
		return "", fmt.Errorf("ask rpm where its database is: %w", err)
	}
	path := strings.TrimSpace(res.Stdout)
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("rpm says its database is in %q, which is no path", path)
	}
	s.dbpath = filepath.Join(s.Root, path)
	return s.dbpath, nil
}
