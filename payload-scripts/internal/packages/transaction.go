package packages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/host"
)

// settle is how long rpm needs left alone after one that was killed before
// another one converges (its transactions are numbered by the second).
const settle = 2 * time.Second

// failed is what rpm says of a scriptlet or trigger that failed. It exits with
// 0 all the same when it was %post, %preun or %postun.
var failed = regexp.MustCompile(`(?m)^(?:warning|error): (%[a-z]+\([^)]*\) scriptlet failed.*|.*[Ll]ua script failed.*)$`)

// ScriptletError is a scriptlet of a package that failed.
type ScriptletError struct {
	Said []string // rpm's own words, one for each failure
}

func (e *ScriptletError) Error() string {
	return "a scriptlet of a package failed: " + strings.Join(e.Said, "; ")
}

// erasing is the name of a transaction that only takes packages away.
const erasing = "erase"

// transaction is one call of rpm that changes the host.
type transaction struct {
	name     string   // for the mark and the names of the logs: new, old, erase
	args     []string // without those of Set.rpm
	progress func(Progress)
}

// markFile tells that rpm was started and is not known to have ended.
func (s *Set) markFile() string { return filepath.Join(s.Var, "rpm-running") }

// interrupted returns the name of the transaction whose end the engine did not see, "" when there is none.
func (s *Set) interrupted() (string, error) {
	data, err := os.ReadFile(s.markFile())
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// run runs rpm to its end. When another rpm was faster at the lock it waits for
// that and tries again.
func (s *Set) run(ctx context.Context, t transaction) error {
	for try := 1; ; try++ {
		err := s.runOnce(ctx, t)
		if !lockLost(err) || try == 10 {
			return err
		}
		if err := s.waitRPM(ctx); err != nil {
			return err
		}
	}
}

// runOnce is one call of rpm. rpm writes to files, not to pipes, so that it goes on
// when the engine is killed; the mark tells the next engine of it. The mark of a
// transaction that was cut short stays until that has been done again.
func (s *Set) runOnce(ctx context.Context, t transaction) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out, err := s.log(t.name + ".out")
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // only what rpm says
	errs, err := s.log(t.name + ".err")
	if err != nil {
		return err
	}
	defer errs.Close() //nolint:errcheck // only what rpm says
	before, err := s.interrupted()
	if err != nil {
		return err
	}
	marks := t.name != erasing || before == ""
	if marks {
		if err := host.WriteFile(s.markFile(), []byte(t.name+"\n"), host.Attr{Mode: 0o600}); err != nil {
			return err
		}
	}
	stop := follow(out.Name(), t.progress)
	res, runErr := host.Run(ctx, host.Cmd{Name: "rpm", Args: append(s.rpm(), t.args...), OutFile: out, ErrFile: errs})
	stop()
	data, err := os.ReadFile(errs.Name())
	if err != nil {
		return fmt.Errorf("read what rpm said: %w", err)
	}
	said := strings.TrimSpace(string(data))
	slog.Info("rpm ended", "transaction", t.name, "code", res.Code, "said", said)
	if res.Code < 0 { // killed: the mark stays
		return fmt.Errorf("rpm was killed; %s", said)
	}
	if marks {
		if err := host.Remove(s.markFile()); err != nil {
			return err
		}
	}
	return judge(runErr, said)
}

// full is what rpm, its database and scriptlets say of a full disk. rpm 4.18 may tell an
// error of a call before instead: a write never fails because a directory is not empty.
var full = regexp.MustCompile(`(?i)no space left on device|database or disk is full|disk quota exceeded|write failed - directory not empty`)

// judge turns rpm's end into an error: what it said counts, whatever its status was.
// A full disk makes scriptlets and rpm's database fail in many words; it is the cause, and comes first.
func judge(err error, said string) error {
	err = judgeScriptlets(err, said)
	if err != nil && full.MatchString(said) {
		return fmt.Errorf("%w: make room on the file systems of the packages and of rpm's database; %w", unix.ENOSPC, err)
	}
	return err
}

func judgeScriptlets(err error, said string) error {
	if exit := (*host.ExitError)(nil); errors.As(err, &exit) {
		exit.Result.Stderr = said
	}
	if m := failed.FindAllStringSubmatch(said, -1); m != nil {
		e := &ScriptletError{}
		for _, groups := range m {
			e.Said = append(e.Said, groups[1])
		}
		return errors.Join(e, err)
	}
	return err
}

// roomForWords is what is set aside for what rpm says, in bytes.
const roomForWords = 64 << 10

// log opens a fresh file for what rpm says, and keeps the one before.
func (s *Set) log(name string) (*os.File, error) {
	path := filepath.Join(s.Var, "rpm-"+name)
	host.Point("rename", path)
	if err := os.Rename(path, path+".before"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file for what rpm says: %w", err)
	}
	// Room for it is taken now: when rpm fails on a full disk, that must be told.
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, roomForWords)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		_ = f.Close()
		return nil, fmt.Errorf("make room for what rpm says in %s: %w", path, err)
	}
	return f, nil
}

// lockLost reports whether rpm did not start because another one was faster at its lock.
func lockLost(err error) bool {
	exit := (*host.ExitError)(nil)
	return errors.As(err, &exit) && strings.Contains(exit.Result.Stderr, "transaction lock")
}

// erase takes packages away, by NEVRA or name.
func (s *Set) erase(ctx context.Context, side manifest.Side, names []string) error {
	args := append([]string{"-e", "--allmatches"}, s.scriptFlags(side)...)
	args = append(args, "--")
	if err := s.run(ctx, transaction{name: erasing, args: append(args, names...)}); err != nil {
		return fmt.Errorf("erase %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// scriptFlags returns which scriptlets rpm leaves out on the way to side. They
// hold for a whole transaction. On the way back none runs: an old scriptlet
// knows nothing of a newer release.
func (s *Set) scriptFlags(side manifest.Side) []string {
	if side == manifest.Old {
		return []string{"--noscripts", "--notriggers"}
	}
	var flags []string
	for _, kind := range []string{"pre", "post", "preun", "postun"} {
		for _, skip := range s.Manifest.Skip {
			if skip.Kind == kind {
				flags = append(flags, "--no"+kind)
				break
			}
		}
	}
	return flags
}

// upgradeArgs returns the arguments of the one transaction that leads to side,
// whatever is installed. --nosignature and --nodigest: Verify has compared the
// files with the manifest, which came with the signed bundle. So a host's policy
// about signatures is met by the bundle's, and rpm does not read them all again in the window.
func (s *Set) upgradeArgs(side manifest.Side) ([]string, error) {
	files, err := s.files(side)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-U", "--oldpackage", "--replacepkgs", "--nosignature", "--nodigest"}, s.scriptFlags(side)...)
	args = append(args, "--")
	for _, f := range files {
		args = append(args, filepath.Join(s.Dir, f))
	}
	return args, nil
}

// files returns the RPMs of the transaction to side, relative to the bundle's folder.
func (s *Set) files(side manifest.Side) ([]string, error) {
	carried, err := s.carried(side)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, p := range carried {
		files = append(files, p.File)
	}
	_, helper, err := s.helper(side)
	if err != nil {
		return nil, err
	}
	if helper != "" {
		files = append(files, helper)
	}
	return files, nil
}

// Progress is how far rpm is.
type Progress struct {
	Package string  // name-version-release.arch that rpm works on, "" while it prepares
	Percent float64 // of this package, 0 to 100
}

// follow reports rpm's progress out of the file that it writes to, until the
// returned function is called.
func follow(path string, report func(Progress)) (stop func()) {
	if report == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close() //nolint:errcheck // read only
		parser := progressParser{report: report}
		for {
			if _, err := io.Copy(&parser, f); err != nil {
				return
			}
			select {
			case <-done:
				_, _ = io.Copy(&parser, f)
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}
