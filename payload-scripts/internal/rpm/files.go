package rpm

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/programs"
)

// State is what rpm did with a file of an installed package (RPMTAG_FILESTATES).
type State int

// The states. An unknown one is Normal.
const (
	Normal       State = 0
	Replaced     State = 1 // by a file of another package
	NotInstalled State = 2 // left out: documentation (_excludedocs), other languages (_install_langs)
	NetShared    State = 3 // left out: it is on a shared file system (_netsharedpath)
	WrongColor   State = 4 // left out: of another architecture
)

// States returns the states of all files of the installed packages with the names, in
// the order in which their headers have them. A package without files has none.
func (d DB) States(ctx context.Context, names []string) (map[string][]State, error) {
	if len(names) == 0 {
		return nil, nil
	}
	text, err := d.list(ctx, `=%{NAME}\n[%{FILESTATES}\n]`, names)
	if err != nil {
		return nil, fmt.Errorf("ask rpm which files it left out: %w", err)
	}
	return parseStates(text), nil
}

func parseStates(text string) map[string][]State {
	states := map[string][]State{}
	name := ""
	for _, line := range strings.Split(text, "\n") {
		if is, ok := strings.CutPrefix(line, "="); ok {
			name = is
			states[name] = nil // of several entries the last counts
			continue
		}
		n, err := strconv.Atoi(line)
		if err == nil && name != "" {
			states[name] = append(states[name], State(n))
		}
	}
	return states
}

// Paths returns every file and folder of the installed packages with the names.
func (d DB) Paths(ctx context.Context, names []string) (map[string]bool, error) {
	if len(names) == 0 {
		return nil, nil
	}
	text, err := d.list(ctx, `[%{FILENAMES}\n]`, names)
	if err != nil {
		return nil, fmt.Errorf("ask rpm which files packages have: %w", err)
	}
	paths := map[string]bool{}
	for line := range strings.Lines(text) {
		if path := strings.TrimSuffix(line, "\n"); strings.HasPrefix(path, "/") {
			paths[path] = true
		}
	}
	return paths, nil
}

// Relocated tells of those named that were put elsewhere than they are built for: by --relocate, which
// notes both places in PREFIXES and INSTPREFIXES, or with --badreloc, which notes only where the
// folders would have been, in ORIGDIRNAMES.
func (d DB) Relocated(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	text, err := d.list(ctx, `=%{NAME}\t[%{PREFIXES}:]\t[%{INSTPREFIXES}:]\t[%{ORIGDIRNAMES}:]\t%|ORIGDIRNAMES?{[%{DIRNAMES}:]}|\n`, names)
	if err != nil {
		return nil, fmt.Errorf("ask rpm where packages were put: %w", err)
	}
	return parseRelocated(text), nil
}

func parseRelocated(text string) []string {
	var found []string
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) < 3 || !strings.HasPrefix(line, "=") {
			continue
		}
		from, to := moved(fields[1], fields[2])
		if from == "" && len(fields) == 5 {
			from, to = moved(fields[3], fields[4])
		}
		if from != "" {
			found = append(found, fmt.Sprintf("%s (%s is at %s)", fields[0][1:], from, to))
		}
	}
	return found
}

// moved is the first place of a list, each with a colon behind it, that is another one in the second list.
func moved(built, is string) (from, to string) {
	here := strings.Split(is, ":")
	for i, place := range strings.Split(built, ":") {
		if i < len(here) && here[i] != "" && here[i] != place {
			return place, here[i]
		}
	}
	return "", ""
}

// list asks about installed packages; those that are not installed say nothing.
func (d DB) list(ctx context.Context, format string, names []string) (string, error) {
	args := join(d.global, []string{"-q", "--qf", format, "--"}, names)
	var out strings.Builder
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: args, Timeout: questionTimeout, Stdout: &out, Discard: true})
	if exit := (*programs.ExitError)(nil); err != nil && (!errors.As(err, &exit) || strings.Contains(res.Stderr, "error:")) {
		return "", err
	}
	return out.String(), nil
}
