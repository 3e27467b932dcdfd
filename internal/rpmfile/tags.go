package rpmfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Tags is one header of an RPM file. All of it was checked when it was read: the
// methods cannot fail, and an absent tag is its zero value.
type Tags struct {
	raw     []byte
	data    []byte // the part of raw that values lie in
	entries map[Tag]entry
}

// entry is one line of a header's index, with the place of its value in data.
type entry struct {
	typ        uint32
	count      int
	start, end int
}

const (
	introSize = 16 // magic, reserved, number of entries, bytes of data
	entrySize = 16 // tag, type, offset, count
)

// Raw returns the header's bytes as they lie in the file, magic included. Of the
// main header these are the bytes that digests and signatures cover. It must not be changed.
func (t *Tags) Raw() []byte { return t.raw }

// Has reports whether the header has tag.
func (t *Tags) Has(tag Tag) bool { _, ok := t.entries[tag]; return ok }

// List returns the tags that the header has, sorted, without its region.
func (t *Tags) List() []Tag {
	list := make([]Tag, 0, len(t.entries))
	for tag := range t.entries {
		list = append(list, tag)
	}
	slices.Sort(list)
	return list
}

// String returns the first string of tag, "" when it has none. Of a translated
// text it is the untranslated one.
func (t *Tags) String(tag Tag) string {
	e, ok := t.entries[tag]
	if !ok || e.typ != TypeString && e.typ != TypeStringArray && e.typ != TypeI18NString {
		return ""
	}
	s, _, _ := bytes.Cut(t.data[e.start:e.end], []byte{0})
	return string(s)
}

// Strings returns the strings of tag, nil when it has none.
func (t *Tags) Strings(tag Tag) []string {
	e, ok := t.entries[tag]
	if !ok || e.typ != TypeString && e.typ != TypeStringArray && e.typ != TypeI18NString {
		return nil
	}
	list := make([]string, 0, e.count)
	for rest := t.data[e.start:e.end]; len(rest) > 0; {
		var s []byte
		s, rest, _ = bytes.Cut(rest, []byte{0})
		list = append(list, string(s))
	}
	return list
}

// Ints returns the numbers of tag, nil when it has none. Numbers are unsigned in rpm.
func (t *Tags) Ints(tag Tag) []uint64 {
	e, ok := t.entries[tag]
	if !ok {
		return nil
	}
	b := t.data[e.start:e.end]
	list := make([]uint64, 0, e.count)
	switch e.typ {
	case TypeChar, TypeInt8:
		for _, v := range b {
			list = append(list, uint64(v))
		}
	case TypeInt16:
		for ; len(b) >= 2; b = b[2:] {
			list = append(list, uint64(binary.BigEndian.Uint16(b)))
		}
	case TypeInt32:
		for ; len(b) >= 4; b = b[4:] {
			list = append(list, uint64(binary.BigEndian.Uint32(b)))
		}
	case TypeInt64:
		for ; len(b) >= 8; b = b[8:] {
			list = append(list, binary.BigEndian.Uint64(b))
		}
	default:
		return nil
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
	e, ok := t.entries[tag]
	if !ok || e.typ != TypeBin {
		return nil
	}
	return t.data[e.start:e.end:e.end]
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
	t := &Tags{raw: buf.Bytes(), entries: make(map[Tag]entry, min(count, 1024))}
	t.data = t.raw[introSize+count*entrySize:]
	if err := t.index(int(count), region); err != nil {
		return nil, err
	}
	return t, nil
}

// index checks and notes every entry. Values follow one another in the order of
// the index and do not overlap (rpm demands the same), so the work is linear in the size.
func (t *Tags) index(count int, region Tag) error {
	first, inRegion := 0, count
	if tag, _, _, _ := t.line(0); tag == tagHeaderSignatures || tag == tagHeaderImmutable {
		n, err := t.checkRegion(count, region)
		if err != nil {
			return err
		}
		first, inRegion = 1, n
	}
	if region == tagHeaderImmutable && inRegion != count {
		return fmt.Errorf("%d entries stand outside the part that is signed", count-inRegion)
	}
	end := 0
	for i := first; i < count; i++ {
		if i == inRegion {
			end = 0 // entries added to a signature header after the region was closed may lie anywhere behind
		}
		tag, typ, offset, n := t.line(i)
		if tag < tagHeaderI18NTable {
			return fmt.Errorf("tag %d is not allowed", tag)
		}
		if _, ok := t.entries[tag]; ok {
			return fmt.Errorf("tag %d is there twice", tag)
		}
		if int64(offset) < int64(end) {
			return fmt.Errorf("tag %d: its value overlaps another", tag)
		}
		size, err := t.valueSize(typ, offset, n)
		if err != nil {
			return fmt.Errorf("tag %d: %w", tag, err)
		}
		end = int(offset) + size
		t.entries[tag] = entry{typ: typ, count: int(n), start: int(offset), end: end}
	}
	return nil
}

func (t *Tags) line(i int) (tag Tag, typ, offset, count uint32) {
	b := t.raw[introSize+i*entrySize:]
	return Tag(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
}

// checkRegion checks the first entry, which points at a trailer that says how many
// entries belong to what was built and signed. It returns that number.
func (t *Tags) checkRegion(count int, region Tag) (int, error) {
	tag, typ, offset, n := t.line(0)
	if tag != region || typ != TypeBin || n != entrySize {
		return 0, errors.New("its region is not described as it must be")
	}
	if int64(offset)+entrySize > int64(len(t.data)) {
		return 0, errors.New("its region ends outside the data")
	}
	trailer := t.data[offset : offset+entrySize]
	// Old signers wrote the region of the signature header under the main header's number.
	back := Tag(binary.BigEndian.Uint32(trailer))
	if back != region && (region != tagHeaderSignatures || back != tagHeaderImmutable) {
		return 0, errors.New("its region's trailer is not there")
	}
	length := -int64(int32(binary.BigEndian.Uint32(trailer[8:])))
	if binary.BigEndian.Uint32(trailer[4:]) != TypeBin || binary.BigEndian.Uint32(trailer[12:]) != entrySize ||
		length < entrySize || length%entrySize != 0 || length/entrySize > int64(count) {
		return 0, errors.New("its region's trailer does not fit")
	}
	if region == tagHeaderImmutable && int(offset)+entrySize != len(t.data) {
		return 0, fmt.Errorf("%d bytes stand outside the part that is signed", len(t.data)-int(offset)-entrySize)
	}
	return int(length / entrySize), nil
}

// valueSize returns how many bytes a value takes, after checking that they are there.
func (t *Tags) valueSize(typ, offset, count uint32) (int, error) {
	if int64(offset) >= int64(len(t.data)) {
		return 0, errors.New("its value lies outside the data")
	}
	if count == 0 || count > math.MaxInt32 {
		return 0, fmt.Errorf("a count of %d", count)
	}
	rest := t.data[offset:]
	width := int64(1)
	switch typ {
	case TypeChar, TypeInt8, TypeBin:
	case TypeInt16:
		width = 2
	case TypeInt32:
		width = 4
	case TypeInt64:
		width = 8
	case TypeString, TypeStringArray, TypeI18NString:
		return stringsSize(typ, rest, count)
	default:
		return 0, fmt.Errorf("type %d is not known", typ)
	}
	if int64(offset)%width != 0 {
		return 0, errors.New("its value is not aligned")
	}
	if int64(count)*width > int64(len(rest)) {
		return 0, errors.New("its value ends outside the data")
	}
	return int(int64(count) * width), nil
}

// stringsSize returns the bytes of count strings, their NULs included.
func stringsSize(typ uint32, b []byte, count uint32) (int, error) {
	if typ == TypeString && count != 1 {
		return 0, fmt.Errorf("a count of %d for one string", count)
	}
	size := 0
	for range count {
		n := bytes.IndexByte(b[size:], 0)
		if n < 0 {
			return 0, errors.New("a string has no end")
		}
		size += n + 1
	}
	return size, nil
}
