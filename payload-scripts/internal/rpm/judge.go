package rpm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/programs"
)

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

// full is what rpm, its database and scriptlets say of a full disk. rpm 4.18 may tell an
// error of a call before instead: a write never fails because a directory is not empty.
var full = regexp.MustCompile(`(?i)no space left on device|database or disk is full|disk quota exceeded|write failed - directory not empty`)

// judge turns rpm's end into an error: what it said counts, whatever its status was.
// A full disk makes scriptlets and rpm's database fail in many words; it is the cause, and comes first.
func judge(err error, said string) error {
	err = judgeScriptlets(err, said)
	if err != nil && full.MatchString(said) {
		return fmt.Errorf("%w: %w; free space on the file systems of the packages and of rpm's database", unix.ENOSPC, err)
	}
	return err
}

func judgeScriptlets(err error, said string) error {
	if exit := (*programs.ExitError)(nil); errors.As(err, &exit) {
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

// lockLost reports whether rpm did not start because another one was faster at its lock.
func lockLost(err error) bool {
	exit := (*programs.ExitError)(nil)
	return errors.As(err, &exit) && strings.Contains(exit.Result.Stderr, "transaction lock")
}
