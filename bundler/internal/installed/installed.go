// Package installed puts a release of the project on a test machine (package machine): the components that the release names, by
// dnf, and whatever else the project says in its folder machine/:
//
//	packages   Debian packages that the product needs; behind a name the platforms that it is for, when not for all
//	provides   what its components may require and those packages stand for, as rpm writes it: postgresql-server = 15
//	setup.sh   run once the components are installed: makes databases, starts units
//	data.sh    run after that, where data is wanted: puts it in
//	serves.sh  asked after each boot until it ends with 0: the product serves
//
// Each may be missing. Scripts are run in the machine by /bin/sh, as root, with ONERPM_RELEASE in the environment; setup.sh and data.sh
// in a copy of the folder, with all that is in it.
//
// It promises that a machine is made anew when any of this is another: a release's components are known by their digests, the folder by those of its files.
package installed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/internal/machine"
)

// Folder is what a project says of its machines, below the project's own.
const Folder = "machine"

const (
	procedure   = 1                  // of what is done here with components and folder: another number makes all machines anew
	staging     = "/var/tmp/machine" // where a script has its files in the machine. Nothing of it stays
	servesLimit = 5 * time.Minute    // after a boot, until the product serves
	servesPoll  = 500 * time.Millisecond
	servesQuiet = 10 * time.Second // nothing is told of a product that serves sooner
)

// Fetch returns the verified files of a release's components. It is asked when a machine has to be made, not when one is there.
type Fetch func(ctx context.Context) (paths []string, err error)

// Release is a release of a project: a [machine.Release].
type Release struct {
	version string
	folder  string // of the project, "" when it has none
	sum     string
	fetch   Fetch

	Tell func(format string, a ...any) // is told what serves.sh says as long as the product does not serve; nil for nobody
}

// New reads what a project says of its machines. Every component of the release must be locked.
func New(project string, r *release.Release, fetch Fetch) (*Release, machine.System, error) {
	i := &Release{version: r.Version, fetch: fetch}
	if err := plan.Locked(r); err != nil {
		return nil, machine.System{}, err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%d\n", procedure)
	for _, c := range r.Components {
		fmt.Fprintf(sum, "%s %s\n", c.ID().NEVRA(), c.SHA256)
	}
	folder := filepath.Join(project, Folder)
	if _, err := os.Stat(folder); err == nil {
		i.folder = folder
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, machine.System{}, err
	}
	system, err := i.system()
	if err != nil {
		return nil, machine.System{}, err
	}
	files, err := i.digest()
	if err != nil {
		return nil, machine.System{}, err
	}
	fmt.Fprintf(sum, "%s\n", files)
	i.sum = hex.EncodeToString(sum.Sum(nil))
	return i, system, nil
}

// HasData says whether the project can put data in.
func (i *Release) HasData() bool { return i.has("data.sh") }

// Name is the release's.
func (i *Release) Name() string { return i.version }

// Sum is a digest of the components and of all that the project says.
func (i *Release) Sum() string { return i.sum }

// Install installs the components and sets the product up.
func (i *Release) Install(ctx context.Context, m *machine.Machine) error {
	packages, err := i.fetch(ctx)
	if err != nil {
		return err
	}
	for n, path := range packages {
		if err := m.CopyIn(path, fmt.Sprintf("%s/%d.rpm", staging, n)); err != nil {
			return err
		}
	}
	if len(packages) > 0 {
		if err := m.Do(ctx, "dnf -y install "+staging+"/*.rpm"); err != nil {
			return fmt.Errorf("install the components of %s: %w", i.version,
				exit.With(exit.Machine, err, "what Debian has and rpm does not find stands in "+Folder+"/provides; the Debian package that has it in "+Folder+"/packages"))
		}
	}
	if err := m.Do(ctx, "rm -rf "+staging); err != nil {
		return err
	}
	return i.script(ctx, m, "setup.sh")
}

// Fill puts the project's data in.
func (i *Release) Fill(ctx context.Context, m *machine.Machine) error {
	return i.script(ctx, m, "data.sh")
}

// script runs a script of the project, if it has it.
func (i *Release) script(ctx context.Context, m *machine.Machine, name string) error {
	if !i.has(name) {
		return nil
	}
	if err := m.CopyIn(i.folder, staging); err != nil {
		return err
	}
	r, err := m.Exec(ctx, i.cmd(staging, "/bin/sh", "./"+name))
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return exit.With(exit.Machine, fmt.Errorf("%s/%s: %w", Folder, name, err), "mend the script, and run this again")
	}
	return m.Do(ctx, "rm -rf "+staging)
}

// Await asks serves.sh until it says that the product serves.
func (i *Release) Await(ctx context.Context, m *machine.Machine) error {
	if !i.has("serves.sh") {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(i.folder, "serves.sh"))
	if err != nil {
		return err
	}
	ask := i.cmd("", "/bin/sh", "-c", string(text))
	err = i.await(ctx, m.Off(), servesLimit, servesQuiet, func(ctx context.Context) (string, bool, error) {
		r, err := m.Exec(ctx, ask)
		if err != nil || r.Code == 0 {
			return "", err == nil, err
		}
		return r.Err().Error(), false, nil
	})
	if err != nil && ctx.Err() == nil {
		return exit.With(exit.Machine, m.WithJournal(err), "what Debian starts by itself, such as nginx, ran before the components were there: setup.sh has to restart it; to look around in the machine, "+
			"rename "+Folder+"/serves.sh and run bundler machine again")
	}
	return err
}

// await asks until the answer is yes, the machine goes off or the limit has passed. What is said for longer than quiet is told once.
func (i *Release) await(ctx context.Context, off <-chan struct{}, limit, quiet time.Duration, ask func(context.Context) (said string, yes bool, err error)) error {
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	said, told, start := "nothing", "", time.Now()
	for {
		now, yes, err := ask(asking)
		switch {
		case err != nil:
		case yes:
			return nil
		default:
			said = now
		}
		if i.Tell != nil && time.Since(start) >= quiet && said != told {
			i.Tell("the product does not serve yet, %s/serves.sh is asked for %v at most: %s", Folder, limit, said)
			told = said
		}
		select {
		case <-asking.Done():
			err = fmt.Errorf("%s/serves.sh: the product does not serve, %v after the boot; it last said: %s", Folder, limit, said)
		case <-off:
			err = fmt.Errorf("%s/serves.sh: the machine went off; it last said: %s", Folder, said)
		case <-time.After(servesPoll):
			continue
		}
		if ctx.Err() != nil { // then asking is done too, and the machine may be off: select takes any of them
			return ctx.Err()
		}
		return err
	}
}

func (i *Release) cmd(dir string, args ...string) machine.Cmd {
	return machine.Cmd{Args: args, Dir: dir, Env: []string{"ONERPM_RELEASE=" + i.version}}
}

func (i *Release) has(name string) bool {
	if i.folder == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(i.folder, name))
	return err == nil
}

// A Debian package as Debian names it, and what rpm may be told that there is: a name or a path, with a version or without.
var (
	packageGrammar = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	provideGrammar = regexp.MustCompile(`^[^\s=<>]+( = [^\s=<>]+)?$`)
)

// system reads what the product needs of the distribution. The error is every mistake in both files, a [mistake.List].
func (i *Release) system() (s machine.System, err error) {
	var wrong mistake.List
	s.Packages, err = i.lines("packages", &wrong, func(words []string) (at int, what, allowed string) {
		if !packageGrammar.MatchString(words[0]) {
			return 0, fmt.Sprintf("%q is no Debian package", words[0]), "one in a line, and behind it the platforms that it is for"
		}
		for at, p := range words[1:] {
			if !slices.Contains(machine.Platforms(), p) {
				return at + 1, fmt.Sprintf("%q is no platform", p), "there are " + strings.Join(machine.Platforms(), ", ")
			}
		}
		return 0, "", ""
	})
	if err != nil {
		return s, err
	}
	s.Provides, err = i.lines("provides", &wrong, func(words []string) (at int, what, allowed string) {
		if line := strings.Join(words, " "); !provideGrammar.MatchString(line) {
			return 0, fmt.Sprintf("%q is nothing that a package provides", line), "NAME or NAME = VERSION"
		}
		return 0, "", ""
	})
	if err == nil && len(wrong) > 0 {
		err = exit.With(exit.Spec, wrong, "")
	}
	return s, err
}

// word is what stands between blanks.
var word = regexp.MustCompile(`\S+`)

// lines reads a file of lines; check says what is wrong with the words of one, and at which of them. Blank lines and comments are left out, so that they make no other machine.
func (i *Release) lines(name string, wrong *mistake.List, check func(words []string) (at int, what, allowed string)) (string, error) {
	if !i.has(name) {
		return "", nil
	}
	text, err := os.ReadFile(filepath.Join(i.folder, name))
	if err != nil {
		return "", err
	}
	var all strings.Builder
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		places := word.FindAllStringIndex(line, -1)
		if len(places) == 0 {
			continue
		}
		words := strings.Fields(line)
		if at, what, allowed := check(words); what != "" {
			wrong.Add(mistake.Mistake{File: Folder + "/" + name, Line: n, Column: utf8.RuneCountInString(line[:places[at][0]]) + 1, What: what, Allowed: allowed})
			continue
		}
		all.WriteString(strings.Join(words, " ") + "\n")
	}
	return all.String(), nil
}

// digest is of all in the project's folder: names, modes and contents.
func (i *Release) digest() (string, error) {
	if i.folder == "" {
		return "", nil
	}
	sum := sha256.New()
	err := filepath.WalkDir(i.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(i.folder, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %s ", name, info.Mode())
		switch info.Mode().Type() {
		case os.ModeDir:
			fmt.Fprintln(sum)
		case os.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(sum, "%q\n", link)
		case 0:
			return content(sum, path)
		default:
			return exit.Errorf(exit.Spec, "", "%s/%s is neither a file, a folder nor a link", Folder, name)
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// content writes the digest of a file, which may be large.
func content(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	one := sha256.New()
	if _, err := io.Copy(one, f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%x\n", one.Sum(nil))
	return err
}
