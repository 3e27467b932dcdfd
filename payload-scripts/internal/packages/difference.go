package packages

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// Kind says in what way the host differs from a side.
type Kind string

// The kinds of differences.
const (
	Missing   Kind = "missing"   // a package that the side has is not installed
	Version   Kind = "version"   // it is installed in another version
	Extra     Kind = "extra"     // a package is installed that the side does not have
	Duplicate Kind = "duplicate" // rpm's database has a package more than once
	File      Kind = "file"      // a file is not as its package has it
	Temporary Kind = "temporary" // a file that an interrupted rpm left
	Stray     Kind = "stray"     // a file of the other side, which no package owns now
)

// Difference is one thing in which the host differs from a side.
type Difference struct {
	Kind    Kind
	Package string // its name
	Path    string // of the file, "" when the difference is in rpm's database
	Want    string // for people; "" when it should not be there
	Got     string // for people; "" when it is not there
	Attr    bool   // of a file only mode or owner differ

	unproved bool // rpm runs because of it, but it does not fail the proof
	fromHost bool // the record puts it right, not rpm
}

// String tells the difference in one line.
func (d Difference) String() string {
	switch d.Kind {
	case Missing:
		return fmt.Sprintf("%s is not installed, %s is wanted", d.Package, d.Want)
	case Version:
		return fmt.Sprintf("%s is %s, %s is wanted", d.Package, d.Got, d.Want)
	case Extra:
		return fmt.Sprintf("%s %s is installed", d.Package, d.Got)
	case Duplicate:
		return fmt.Sprintf("%s is in rpm's database more than once: %s", d.Package, d.Got)
	case Temporary:
		return fmt.Sprintf("%s was left by an interrupted rpm", d.Path)
	case Stray:
		return fmt.Sprintf("%s belongs to no package of this release", d.Path)
	default:
		return fmt.Sprintf("%s of %s: %s, wanted %s", d.Path, d.Package, d.Got, d.Want)
	}
}

// Error is a side that was not reached. It lists all that is wrong.
type Error struct {
	Side        manifest.Side
	Differences []Difference
}

// showDifferences is how many differences an error's text names.
const showDifferences = 12

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the packages are not those of the %s release: ", e.Side)
	for i, d := range e.Differences {
		if i == showDifferences {
			fmt.Fprintf(&b, "; and %d more", len(e.Differences)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(d.String())
	}
	return b.String()
}

// Compare returns in what rpm's database differs from side's exact set, by name
// and epoch:version-release, sorted by name. It does not look at files.
func (s *Set) Compare(ctx context.Context, side manifest.Side) ([]Difference, error) {
	installed, err := s.Installed(ctx)
	if err != nil {
		return nil, err
	}
	wanted, err := s.Wanted(side)
	if err != nil {
		return nil, err
	}
	return Differences(wanted, installed), nil
}

// Differences returns in what installed packages, by name, differ from the wanted ones, sorted by name.
func Differences(wanted []manifest.Package, installed map[string][]nevra.ID) []Difference {
	var found []Difference
	want := make(map[string]bool, len(wanted))
	for _, p := range wanted {
		want[p.Name] = true
		switch entries := installed[p.Name]; {
		case len(entries) == 0:
			found = append(found, Difference{Kind: Missing, Package: p.Name, Want: p.EVR()})
		case len(entries) > 1:
			found = append(found, Difference{Kind: Duplicate, Package: p.Name, Want: p.EVR(), Got: versions(entries)})
		case entries[0].EVR() != p.EVR():
			found = append(found, Difference{Kind: Version, Package: p.Name, Want: p.EVR(), Got: entries[0].EVR()})
		}
	}
	for name, entries := range installed {
		if !want[name] {
			found = append(found, Difference{Kind: Extra, Package: name, Got: versions(entries)})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Package < found[j].Package })
	return found
}

func versions(entries []nevra.ID) string {
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.EVR()
	}
	return strings.Join(all, ", ")
}

func asError(side manifest.Side, differs []Difference) error {
	if len(differs) == 0 {
		return nil
	}
	return &Error{Side: side, Differences: differs}
}
