package config

import (
	"bytes"
	"errors"

	"onerpm/internal/hostconf/placeholder"
	"onerpm/internal/manifest"
)

// MergePackaged is Merge for the %config file of a package, which stands on a
// host as it was shipped: nothing in it is a placeholder. Where two of the files
// are the same bytes they alone decide, and the bytes of one side are the result; what
// cannot be merged by its format is decided as a whole.
func MergePackaged(in Input) (Result, error) {
	for _, v := range in.Set {
		if err := validValue(v); err != nil {
			return Result{}, err
		}
	}
	if r, done := in.wholePackaged(); done {
		return r, nil
	}
	if placeholder.In(string(in.Base)) || placeholder.In(string(in.Theirs)) {
		return in.oneOf(), nil
	}
	r, err := Merge(in)
	parse := (*ParseError)(nil)
	if errors.As(err, &parse) && parse.File != "mine" && in.Format != "text" {
		in.Format = "text" // the releases' own files are not what their name says
		r, err = Merge(in)
	}
	if errors.As(err, &parse) && in.Format == "text" && len(in.Set) == 0 { // too large, or no text
		return in.oneOf(), nil
	}
	return r, err
}

// TheFile stands for a file as a whole in a change's From and To.
const TheFile = "(the file)"

// wholePackaged decides what does not need the files' insides.
func (in Input) wholePackaged() (Result, bool) {
	side, by := in.whole()
	switch {
	case in.Mine == nil && in.Theirs == nil:
		return Result{Gone: true}, true
	case in.Mine == nil && (in.Base == nil || side == manifest.New):
		if in.Base == nil {
			by = ByRelease
		}
		return Result{Out: in.Theirs, Changes: []Change{{Kind: Added, By: by, To: TheFile}}}, len(in.Set) == 0
	case in.Mine == nil:
		return in.missing(), true
	case in.Theirs == nil && in.Base == nil:
		return Result{Out: in.Mine}, true
	case in.Theirs == nil:
		return in.droppedPackaged(), true
	case len(in.Set) > 0:
		return Result{}, false
	case bytes.Equal(in.Mine, in.Theirs):
		return Result{Out: in.Mine}, true
	case in.Base == nil:
		return Result{}, false
	case bytes.Equal(in.Mine, in.Base):
		return Result{Out: in.Theirs, Changes: in.described(Change{Kind: Changed, By: ByRelease, From: TheFile, To: TheFile})}, true
	case bytes.Equal(in.Base, in.Theirs):
		return Result{Out: in.Mine, Changes: in.described(Change{Kind: Kept, By: ByAdmin, From: TheFile, To: TheFile})}, true
	}
	return Result{}, false
}

// droppedPackaged is a file that the new packages do not have: it goes, as other configuration does.
func (in Input) droppedPackaged() Result {
	if side, by := in.whole(); side == manifest.Old {
		return Result{Out: in.Mine, Changes: []Change{{Kind: Kept, By: by, From: TheFile, To: TheFile}}}
	}
	c := Change{Kind: Removed, By: ByRelease, From: TheFile}
	if !bytes.Equal(in.Base, in.Mine) {
		c.From = EditedFile
	}
	return Result{Gone: true, Changes: []Change{c}}
}

// described returns what changes key by key, or else the file as a whole.
func (in Input) described(whole Change) []Change {
	if !placeholder.In(string(in.Base)) && !placeholder.In(string(in.Theirs)) {
		if r, err := Merge(in); err == nil && len(r.Conflicts) == 0 && len(r.Changes) > 0 {
			return r.Changes
		}
	}
	return []Change{whole}
}

// oneOf decides a file that both changed as a whole: one of the two, or a conflict.
func (in Input) oneOf() Result {
	switch side, by := in.whole(); side {
	case manifest.Old:
		return Result{Out: in.Mine, Changes: []Change{{Kind: Kept, By: by, From: TheFile, To: TheFile}}}
	case manifest.New:
		return Result{Out: in.Theirs, Changes: []Change{{Kind: Changed, By: by, From: TheFile, To: TheFile}}}
	}
	base := "(a file)"
	if in.Base == nil {
		base = Absent
	}
	return Result{Conflicts: []Conflict{{Base: base, Theirs: "(another file)", Mine: "(a third one, which cannot be merged with it)"}}}
}
