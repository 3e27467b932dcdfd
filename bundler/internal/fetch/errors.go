package fetch

import (
	"errors"
	"fmt"
	"strings"

	"onerpm/bundler/internal/exit"
)

// ItemError is why one item is not to be had.
type ItemError struct {
	Item Item
	Err  error // an *exit.Error where a code and a hint are known
}

// Error names the item and says why.
func (e *ItemError) Error() string { return e.Item.NEVRA() + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ItemError) Unwrap() error { return e.Err }

// Errors are all failures of one run.
type Errors struct {
	Items []*ItemError
	Total int // items that were wanted
}

// Error lists every item with its reason and what to do, a line each.
func (e *Errors) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d components cannot be used:", len(e.Items), e.Total)
	for _, i := range e.Items {
		fmt.Fprintf(&b, "\n  %s", i)
		if hint := exit.Hint(i.Err); hint != "" {
			fmt.Fprintf(&b, "\n    hint: %s", hint)
		}
	}
	return b.String()
}

// Unwrap returns the failures.
func (e *Errors) Unwrap() []error {
	list := make([]error, len(e.Items))
	for i, item := range e.Items {
		list[i] = item
	}
	return list
}

// joinErrors makes one error of the failures of total items, nil of none. Of
// several exit codes the one counts that a new try does not mend.
func joinErrors(failed []*ItemError, total int) error {
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	codes := map[int]bool{}
	for _, e := range failed {
		codes[exit.Code(e.Err)] = true
	}
	for _, code := range []int{exit.Spec, exit.Mismatch, exit.Output, exit.Missing} {
		if codes[code] {
			return &exit.Error{Code: code, Err: &Errors{failed, total}, Hint: "put these right and run the same command again; what was fetched is kept"}
		}
	}
	return &Errors{failed, total}
}

// MismatchError says that a file is not what it must be.
type MismatchError struct {
	What      string // "sha256", "size", "NEVRA", or the digest of a repository
	Got, Want string
	By        string // who says what is wanted, e.g. "the release"
}

// Error says both values.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("its %s is %s, %s says %s", e.What, e.Got, e.By, e.Want)
}

func isMismatch(err error) bool {
	var m *MismatchError
	return errors.As(err, &m)
}
