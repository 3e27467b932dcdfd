package rpmfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Tags is one header of an RPM file. All of it was checked when it was read: the
// methods cannot fail, and an absent tag is its zero value.
type Tags struct {
	raw   []byte
	index []Entry
	data  []byte        // the part of raw that values lie in
	byTag map[Tag]Entry // without the region
}

// Entry is one line of a header's index.
type Entry struct {
	Tag                 Tag
	Type, Offset, Count uint32 // of the value; the offset is from where the index ends
	Size                int    // bytes of the value; 0 of a region
}

const (
	introSize = 16 // magic, reserved, number of entries, bytes of data
	entrySize = 16 // tag, type, offset, count

	tagHeaderSignatures Tag = 62 // region of the signature header
	tagHeaderImmutable  Tag = 63 // region of the main header
	tagHeaderI18NTable  Tag = 100
)

// Raw returns the header's bytes as they lie in the file, magic included. Of the
// main header these are the bytes that digests and signatures cover. It must not be changed.
func (t *Tags) Raw() []byte { return t.raw }

// Index returns the header's index in the order of the file, its region included. It must not be changed.
func (t *Tags) Index() []Entry { return t.index }

// Has reports whether the header has tag.
func (t *Tags) Has(tag Tag) bool { _, ok := t.byTag[tag]; return ok }

// String returns the first string of tag, "" when it has none. Of a translated
// text it is the untranslated one.
func (t *Tags) String(tag Tag) string {
	e := t.byTag[tag]
	if !isString(e.Type) {
		return ""
	}
	s, _, _ := bytes.Cut(t.value(e), []byte{0})
	return string(s)
}

// Strings returns the strings of tag, nil when it has none.
func (t *Tags) Strings(tag Tag) []string {
	e := t.byTag[tag]
	if !isString(e.Type) {
		return nil
	}
	list := make([]string, 0, e.Count)
	for s := range bytes.SplitSeq(t.value(e)[:e.Size-1], []byte{0}) {
		list = append(list, string(s))
	}
	return list
}

// Ints returns the numbers of tag, nil when it has none. Numbers are unsigned in rpm.
func (t *Tags) Ints(tag Tag) []uint64 {
	e := t.byTag[tag]
	if e.Count == 0 || e.Type > TypeInt64 {
		return nil
	}
	list, width := make([]uint64, e.Count), widths[e.Type]
	for i := range list {
		for _, b := range t.value(e)[i*width : (i+1)*width] {
			list[i] = list[i]<<8 | uint64(b)
		}
	}
	return list
}

// Int returns the first number of tag, and whether it has one.
func (t *Tags) Int(tag Tag) (uint64, bool) {
	list := t.Ints(tag)
	if len(list) == 0 {
		return 0, false
	}
	return list[0], true
}

// Bytes returns the bytes of a binary tag, nil when it has none. They must not be changed.
func (t *Tags) Bytes(tag Tag) []byte {
	e := t.byTag[tag]
	if e.Type != TypeBin {
		return nil
	}
	return t.value(e)
}

func (t *Tags) value(e Entry) []byte {
	end := int(e.Offset) + e.Size
	return t.data[e.Offset:end:end]
}

// readTags reads one header, which has the given region tag or none.
func readTags(r io.Reader, region Tag) (*Tags, error) {
	var intro [introSize]byte
	if _, err := io.ReadFull(r, intro[:]); err != nil {
		return nil, truncated(err)
	}
	if !bytes.HasPrefix(intro[:], []byte("\x8e\xad\xe8\x01")) {
		return nil, errors.New("its magic number is not there")
	}
	count, size := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if count == 0 || count > MaxEntries {
		return nil, fmt.Errorf("%d entries, want 1 to %d", count, MaxEntries)
	}
	if size > MaxData {
		return nil, fmt.Errorf("%d bytes of data, more than %d are not read", size, MaxData)
	}
	// The buffer grows as bytes arrive: a length that lies costs no memory.
	buf := bytes.NewBuffer(intro[:])
	if _, err := io.CopyN(buf, r, int64(count)*entrySize+int64(size)); err != nil {
		return nil, truncated(err)
	}
	t := &Tags{raw: buf.Bytes(), index: make([]Entry, count), byTag: make(map[Tag]Entry, min(count, 1024))}
	t.data = t.raw[introSize+count*entrySize:]
	for i := range t.index {
		t.index[i] = entryAt(t.raw[introSize+i*entrySize:])
	}
	if err := t.check(region); err != nil {
		return nil, err
	}
	return t, nil
}

// check checks and notes every entry. Values follow one another in the order of
// the index and do not overlap (rpm demands the same), so the work is linear in the size.
func (t *Tags) check(region Tag) error {
	first, inRegion := 0, len(t.index)
	if tag := t.index[0].Tag; tag == tagHeaderSignatures || tag == tagHeaderImmutable {
		n, err := t.checkRegion(region)
		if err != nil {
			return err
		}
		first, inRegion = 1, n
	}
	if region == tagHeaderImmutable && inRegion != len(t.index) {
		return fmt.Errorf("%d entries stand outside the part that is signed", len(t.index)-inRegion)
	}
	end := 0
	for i := first; i < len(t.index); i++ {
		if i == inRegion {
			end = 0 // entries added to a signature header after the region was closed may lie anywhere behind
		}
		e := &t.index[i]
		if e.Tag < tagHeaderI18NTable {
			return fmt.Errorf("tag %d is not allowed", e.Tag)
		}
		if t.Has(e.Tag) {
			return fmt.Errorf("tag %d is there twice", e.Tag)
		}
		if int64(e.Offset) < int64(end) {
			return fmt.Errorf("tag %d: its value overlaps another", e.Tag)
		}
		var err error
		if e.Size, err = t.valueSize(*e); err != nil {
			return fmt.Errorf("tag %d: %w", e.Tag, err)
		}
		end = int(e.Offset) + e.Size
		t.byTag[e.Tag] = *e
	}
	return nil
}

func entryAt(b []byte) Entry {
	n := binary.BigEndian.Uint32
	return Entry{Tag: Tag(n(b)), Type: n(b[4:]), Offset: n(b[8:]), Count: n(b[12:])}
}

// checkRegion checks the first entry, which points at a trailer that says how many
// entries belong to what was built and signed. It returns that number.
func (t *Tags) checkRegion(region Tag) (int, error) {
	e := t.index[0]
	if e.Tag != region || e.Type != TypeBin || e.Count != entrySize {
		return 0, errors.New("its region is not described as it must be")
	}
	end := int64(e.Offset) + entrySize
	if end > int64(len(t.data)) {
		return 0, errors.New("its region ends outside the data")
	}
	trailer := entryAt(t.data[e.Offset:])
	// Old signers wrote the region of the signature header under the main header's number.
	if trailer.Tag != region && (region != tagHeaderSignatures || trailer.Tag != tagHeaderImmutable) {
		return 0, errors.New("its region's trailer is not there")
	}
	length := -int64(int32(trailer.Offset))
	if trailer.Type != TypeBin || trailer.Count != entrySize || length < entrySize || length%entrySize != 0 || length/entrySize > int64(len(t.index)) {
		return 0, errors.New("its region's trailer does not fit")
	}
	if region == tagHeaderImmutable && end != int64(len(t.data)) {
		return 0, fmt.Errorf("%d bytes stand outside the part that is signed", int64(len(t.data))-end)
	}
	return int(length / entrySize), nil
}

// valueSize returns how many bytes a value takes, after checking that they are there.
func (t *Tags) valueSize(e Entry) (int, error) {
	if int64(e.Offset) >= int64(len(t.data)) {
		return 0, errors.New("its value lies outside the data")
	}
	if e.Count == 0 || e.Count > math.MaxInt32 {
		return 0, fmt.Errorf("a count of %d", e.Count)
	}
	rest := t.data[e.Offset:]
	if isString(e.Type) {
		return stringsSize(e, rest)
	}
	width, ok := widths[e.Type]
	if !ok {
		return 0, fmt.Errorf("type %d is not known", e.Type)
	}
	if int(e.Offset)%width != 0 {
		return 0, errors.New("its value is not aligned")
	}
	size := int64(e.Count) * int64(width)
	if size > int64(len(rest)) {
		return 0, errors.New("its value ends outside the data")
	}
	return int(size), nil
}

// stringsSize returns the bytes of an entry's strings, their NULs included.
func stringsSize(e Entry, b []byte) (int, error) {
	if e.Type == TypeString && e.Count != 1 {
		return 0, fmt.Errorf("a count of %d for one string", e.Count)
	}
	size := 0
	for range e.Count {
		n := bytes.IndexByte(b[size:], 0)
		if n < 0 {
			return 0, errors.New("a string has no end")
		}
		size += n + 1
	}
	return size, nil
}
