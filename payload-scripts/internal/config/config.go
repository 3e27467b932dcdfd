// Package config merges a configuration file three ways: base is the file as
// the old release renders it, theirs as the new release does, mine the host's.
// Files of the formats in manifest.KeyedFormats are merged by key, anything else by line.
//
// It promises: what the admin changed and the release did not is kept; what
// both changed differently is never decided silently; comments, order and
// quoting of the host's file stay; the result is parsed again and proved to
// hold what was intended; merging a result again gives the same bytes. It
// touches no file.
//
// A placeholder <<name>> in base or theirs stands for a value of the host's
// own: it matches anything and equals any other placeholder.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/shown"
	"onerpm/internal/manifest"
)

// MaxSize is the largest file that is merged, in bytes.
const MaxSize = hostconf.MaxSize

// Input is what a merge works on. A nil Base, Theirs or Mine is a file that is
// not there; an empty one is there and empty.
type Input struct {
	Format string // one of manifest.Formats
	Base   []byte // may hold placeholders
	Theirs []byte // may hold placeholders
	Mine   []byte

	// Set maps a key (a.b.c) to the value it gets whatever was there; in a text
	// file it maps a placeholder's name. Only Random yields to a value that the
	// host has already: a secret in use is not rolled, and a second run of the
	// same merge changes nothing.
	Set map[string]manifest.Value

	// Policy, the bundle's, and Decided, the admin's settings, map a key, a key it lies under, or "*"
	// to the side that wins a conflict: Old keeps the host's value, New takes the release's. Text files
	// know only "*". Whatever Decided says about a key wins over all of Policy.
	Policy, Decided map[string]manifest.Side

	Random io.Reader // where Random values come from; needed only if Set has one

	// Drawn are the random values of earlier merges of this file, by their key in Set: they are
	// not drawn again. What is drawn is added; nil for a merge that is not kept.
	Drawn map[string]string
}

// Result is what came out of a merge.
type Result struct {
	Unmerged  string     // why the file was decided as a whole by the policy "*" though it has keys; "" when it was merged
	Out       []byte     // the merged file; nil when it is Gone or Conflicts are left
	Gone      bool       // the merged file is not there
	Changes   []Change   // in the order of the file, nothing for what stays as it was
	Conflicts []Conflict // what nobody decided
}

// Kind is what happened to a key.
type Kind string

// The kinds of a change. Kept is a value of the host that differs from the new release's.
const (
	Added   Kind = "added"
	Changed Kind = "changed"
	Removed Kind = "removed"
	Kept    Kind = "kept"
)

// Who decided about a change.
const (
	ByRelease  = "release"  // the release changed it, and the host did not
	BySet      = "set"      // the bundle's spec sets it, whatever was there
	ByPolicy   = "policy"   // both changed it, and the bundle's spec says which side wins
	BySettings = "settings" // both changed it, and the admin's settings say which side wins
	ByAdmin    = "admin"    // the host changed it, and the release did not
)

// Change is one difference between the host's file and the merged one, or (Kept)
// between the merged one and the release's. Its texts hold no secret.
type Change struct {
	Key  string `json:"key"`            // key as a.b.c, "line N" of the host's file, empty for the file as a whole
	Kind Kind   `json:"kind"`           // what happened to it
	By   string `json:"by"`             // who decided: release, set, policy, settings or admin
	From string `json:"from,omitempty"` // value before; that of a secret is hidden
	To   string `json:"to,omitempty"`   // value after; likewise
}

// Absent stands for a key or file that is not there.
const Absent = shown.Absent

// Conflict is a key that the release and the host both changed, differently.
// Its texts hold no secret; "(absent)" stands for a key or file that is not there.
type Conflict struct {
	Key    string `json:"key"` // as in Change
	Base   string `json:"base"`
	Theirs string `json:"theirs"`
	Mine   string `json:"mine"`
}

// ParseError is a file that cannot be read as its format.
type ParseError struct {
	File string // base, theirs or mine
	Err  error
}

func (e *ParseError) Error() string {
	who := map[string]string{"base": "the old release's file", "theirs": "the new release's file", "mine": "the host's file"}[e.File]
	return fmt.Sprintf("read %s: %v", who, e.Err)
}

// Unwrap returns the cause.
func (e *ParseError) Unwrap() error { return e.Err }

// FormError is a merge whose result cannot be written into the host's file.
type FormError struct{ Err error }

func (e *FormError) Error() string { return "write the merged file: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FormError) Unwrap() error { return e.Err }

// UnknownValueError names what the new release wants from the host and nobody
// knows: new keys whose value is a placeholder, without a set in the spec.
type UnknownValueError struct {
	Keys []string // "key <<name>>", sorted as in the file
}

func (e *UnknownValueError) Error() string {
	return "no value is known for " + strings.Join(e.Keys, ", ") + ": the spec must set it"
}

// Merge merges in.Mine with what changed from in.Base to in.Theirs. Errors are a
// *ParseError, a *FormError, an *UnknownValueError or a mistake in in itself. A file
// of the host that cannot be read, or not be written, by its format is decided as a
// whole where Decided or Policy has "*": that is the admin's way out.
func Merge(in Input) (Result, error) {
	r, err := in.merge()
	parse, form := (*ParseError)(nil), (*FormError)(nil)
	side, by := in.whole()
	if by != "" && (errors.As(err, &form) || errors.As(err, &parse) && parse.File == "mine") {
		return in.oneSide(side, by, err)
	}
	return r, err
}

// decision is what was decided about a conflict at a key, and by whom; "" when nobody did. It is about the file as a
// whole for "".
func (in Input) decision(key string) (side manifest.Side, by string) {
	if side, decided := Lookup(in.Decided, key); decided {
		return side, BySettings
	}
	if side, decided := Lookup(in.Policy, key); decided {
		return side, ByPolicy
	}
	return "", ""
}

// whole is the decision about the file as a whole.
func (in Input) whole() (side manifest.Side, by string) { return in.decision("") }

// oneSide is the file of the side that was decided, because of why.
func (in Input) oneSide(side manifest.Side, by string, why error) (Result, error) {
	if side == manifest.Old {
		return Result{Out: in.Mine, Unmerged: why.Error(), Changes: []Change{{Kind: Kept, By: by, From: TheFile, To: TheFile}}}, nil
	}
	in.Base, in.Mine = nil, nil
	r, err := in.merge()
	r.Unmerged, r.Changes = why.Error(), []Change{{Kind: Changed, By: by, From: TheFile, To: TheFile}}
	return r, err
}

func (in Input) merge() (Result, error) {
	if err := in.validate(); err != nil {
		return Result{}, err
	}
	side, by := in.whole()
	back := in.Mine == nil && in.Base != nil && in.Theirs != nil && side == manifest.New
	if back {
		in.Base = nil // the release's file is wanted though the admin took it away
	}
	if r, done, err := in.wholeFile(); done || err != nil {
		return r, err
	}
	var r Result
	var err error
	if in.Format == "text" {
		r, err = mergeText(in)
	} else {
		r, err = mergeKeyed(in)
	}
	if err != nil {
		return Result{}, err
	}
	for i := range r.Changes {
		if back && r.Changes[i].By == ByRelease {
			r.Changes[i].By = by
		}
	}
	if len(r.Conflicts) > 0 {
		r.Out = nil
	} else if len(r.Out) > MaxSize {
		return Result{}, fmt.Errorf("the merged file would take %d bytes, more than %d", len(r.Out), MaxSize)
	}
	return r, nil
}

func (in Input) validate() error {
	if !slices.Contains(manifest.Formats, in.Format) {
		return fmt.Errorf("format %q is none of %s", in.Format, strings.Join(manifest.Formats, ", "))
	}
	for _, f := range []struct { // the bundle's first: a mistake in them is no matter of the host's
		name string
		data []byte
	}{{"base", in.Base}, {"theirs", in.Theirs}, {"mine", in.Mine}} {
		if err := hostconf.CheckText(in.Format, f.data); err != nil {
			return &ParseError{f.name, err}
		}
	}
	for key, v := range in.Set {
		if err := validValue(v); err != nil {
			return fmt.Errorf("set %s: %w", key, err)
		}
		if v.Random > 0 && in.Random == nil {
			return fmt.Errorf("set %s: no source of random bytes", key)
		}
	}
	return nil
}

// wholeFile decides what does not need the files' insides: one of them is not there.
func (in Input) wholeFile() (Result, bool, error) {
	mine, base, theirs := in.Mine != nil, in.Base != nil, in.Theirs != nil
	switch {
	case !mine && !theirs:
		return Result{Gone: true}, true, nil
	case mine && !theirs && !base: // none of ours
		return Result{Out: in.Mine}, true, nil
	case !mine && base: // the admin took it away
		return in.missing(), true, nil
	case mine && !theirs:
		r, err := in.dropped()
		return r, true, err
	case base && len(in.Set) == 0 && bytes.Equal(in.Base, in.Theirs):
		return Result{Out: in.Mine}, true, nil
	}
	return Result{}, false, nil
}

// dropped is a file that the new release does not have: it goes, whatever the
// admin did to it, unless the policy says otherwise; the report tells.
func (in Input) dropped() (Result, error) {
	if side, by := in.whole(); side == manifest.Old {
		return Result{Out: in.Mine, Changes: []Change{{Kind: Kept, By: by, From: TheFile, To: TheFile}}}, nil
	}
	same, err := in.untouched()
	if err != nil {
		return Result{}, err
	}
	c := Change{Kind: Removed, By: ByRelease, From: TheFile}
	if !same {
		c.From = EditedFile
	}
	return Result{Gone: true, Changes: []Change{c}}, nil
}

// EditedFile is a Change's From for a file that goes though the admin changed it.
const EditedFile = "(the file, changed on this host)"

// missing is a file that the old release has, the new one too, and the host not.
func (in Input) missing() Result {
	if bytes.Equal(in.Base, in.Theirs) {
		return Result{Gone: true, Changes: []Change{{Kind: Kept, By: ByAdmin, From: Absent, To: Absent}}}
	}
	if side, by := in.whole(); side == manifest.Old {
		return Result{Gone: true, Changes: []Change{{Kind: Kept, By: by, From: Absent, To: Absent}}}
	}
	return Result{Conflicts: []Conflict{{Base: "(a file)", Theirs: "(another file)", Mine: Absent}}}
}
