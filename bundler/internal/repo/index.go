package repo

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Version is that of the Index's shape. A program refuses any other.
const Version = 2

// MaxIndex bounds a written Index, in bytes: room for well over 10,000 bundles, of which each takes 500.
const MaxIndex = 32 << 20

// Index is the whole state of one channel.
type Index struct {
	Version int    `json:"version"`
	Product string `json:"product"` // for people
	Prefix  string `json:"prefix"`  // <p>, e.g. "example-upgrade": first part of every bundle's name
	Channel string `json:"channel"`
	Base    string `json:"base"`            // URL under which customers read the store, without a slash at its end
	Created string `json:"created"`         // RFC 3339 in UTC, like all times here
	Until   string `json:"until,omitempty"` // when customers begin to refuse it: its metadata is signed until then; "" for never
	Repomd  string `json:"repomd"`          // SHA-256 of the repomd.xml beside it: so the Index's signature holds for every package
	Plain   string `json:"plain,omitempty"` // likewise of the one for copies; in stable alone, and "" where a bundler wrote that knew none

	Bundles    []Bundle     `json:"bundles"`    // sorted by NEVRA, each there once
	Withdrawn  []Withdrawn  `json:"withdrawn"`  // sorted by NEVRA, none of them among Bundles
	Superseded []Superseded `json:"superseded"` // generations before this one that readers may still be at; oldest first
}

// Bundle is one bundle that can be had. It has only what is asked of every one of them: a channel may have
// thousands, and everybody who publishes or looks reads them all. The rest is in its Details.
type Bundle struct {
	NEVRA    string `json:"nevra"`
	From     string `json:"from"`  // release that a machine must have
	To       string `json:"to"`    // release that it will have; the package's version too, as Revision is its release
	Short    string `json:"short"` // name at the store's top while this is the newest revision in stable, e.g. "<p>-4.2.0.rpm"
	Revision int    `json:"revision"`

	File      string `json:"file"` // name in the store, like all files here
	Size      int64  `json:"size"` // bytes
	SHA256    string `json:"sha256"`
	Published string `json:"published"` // when it came into this channel
	Details   string `json:"details"`   // SHA-256 of the file DetailsFile

	Override *Override `json:"override,omitempty"` // somebody let it into the channel without what that asks for
}

// Override says that somebody let a bundle into a channel without what the channel asks for.
type Override struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     string `json:"at"`
}

// Withdrawn is a bundle that was taken out. Its file stays, its NEVRA stays taken.
type Withdrawn struct {
	NEVRA  string `json:"nevra"`
	SHA256 string `json:"sha256"`
	File   string `json:"file"`
	Reason string `json:"reason"`
	At     string `json:"at"`
}

// Superseded is a generation that was the current one.
type Superseded struct {
	ID string `json:"id"`
	At string `json:"at"` // when it ceased to be
}

// Bundle returns the bundle of that NEVRA, nil when it is not there.
func (x *Index) Bundle(nevra string) *Bundle {
	i, ok := slices.BinarySearchFunc(x.Bundles, nevra, func(b Bundle, n string) int { return cmp.Compare(b.NEVRA, n) })
	if !ok {
		return nil
	}
	return &x.Bundles[i]
}

// withdrawn returns the withdrawn bundle of that NEVRA, nil when there is none.
func (x *Index) withdrawn(nevra string) *Withdrawn {
	i, ok := slices.BinarySearchFunc(x.Withdrawn, nevra, func(w Withdrawn, n string) int { return cmp.Compare(w.NEVRA, n) })
	if !ok {
		return nil
	}
	return &x.Withdrawn[i]
}

// Newest returns the newest revision of each bundle, sorted by short name.
func (x *Index) Newest() []Bundle {
	newest := map[string]Bundle{}
	for _, b := range x.Bundles {
		if n, ok := newest[b.Short]; !ok || b.Revision > n.Revision {
			newest[b.Short] = b
		}
	}
	out := make([]Bundle, 0, len(newest))
	for _, b := range newest {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Bundle) int { return cmp.Compare(a.Short, b.Short) })
	return out
}

// Encode returns the one canonical form of x and its ID, the SHA-256 of that in
// hexadecimal: JSON with the keys in the order of the types, no spaces, nothing escaped for HTML, a
// final newline; lists that are nil are written as empty ones. What Decode would refuse is an error here too.
func Encode(x *Index) (text []byte, id string, err error) {
	if err := x.validate(); err != nil {
		return nil, "", fmt.Errorf("write the index: %w", err)
	}
	b, err := canonical(x.withLists())
	if err != nil {
		return nil, "", fmt.Errorf("write the index: %w", err)
	}
	if len(b) > MaxIndex {
		return nil, "", fmt.Errorf("write the index: %d bytes, at most %d are allowed", len(b), MaxIndex)
	}
	return b, digest(b), nil
}

// Decode reads an Index and refuses whatever Encode would not have written: an unknown
// or doubled key, another order or spacing, anything after the end, more than MaxIndex bytes, another Version, a
// file outside of its place. So Encode of what Decode returns gives the bytes that were read.
func Decode(r io.Reader) (*Index, error) {
	b, err := bounded(r, MaxIndex, 0)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	var x Index
	if err := strict(b, &x); err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	again, _, err := Encode(&x)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("read the index: it is not in canonical form (a doubled key, another order or spacing)")
	}
	return &x, nil
}

// withLists returns a copy of x in which no list is nil, so that there is one way to write an empty one.
func (x *Index) withLists() *Index {
	c := *x
	c.Bundles, c.Withdrawn, c.Superseded = list(x.Bundles), list(x.Withdrawn), list(x.Superseded)
	return &c
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// strict reads JSON of this version: the version is looked at first, so that a store of
// another time is called that, and not by its first unknown key.
func strict(b []byte, into any) error {
	if !bytes.HasPrefix(b, fmt.Appendf(nil, "{\"version\":%d,", Version)) { // what is canonical begins with it
		var v struct {
			Version *int `json:"version"`
		}
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		if v.Version == nil {
			return errors.New("it has no version")
		}
		if *v.Version != Version {
			return fmt.Errorf("its version is %d and this program knows %d: use the bundler that the store was written with, or a newer one", *v.Version, Version)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// bounded reads all of r, at most limit bytes. About size bytes are expected.
func bounded(r io.Reader, limit, size int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(size, limit)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return b.Bytes(), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
