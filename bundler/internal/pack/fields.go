package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// field is a value of a header: its type and count as rpm counts them, and its bytes.
type field struct {
	kind, count uint32
	data        []byte
}

// Types of fields (rpmTagType in lib/rpmtag.h of rpm).
const (
	kindInt16       = 3
	kindInt32       = 4
	kindInt64       = 5
	kindString      = 6
	kindBinary      = 7
	kindStringArray = 8
)

// alignment is that of a field's bytes.
var alignment = map[uint32]int{kindInt16: 2, kindInt32: 4, kindInt64: 8}

// numbers64 makes a field of numbers.
func numbers64(list ...int64) field {
	f := field{kind: kindInt64, count: uint32(len(list))} //nolint:gosec // far fewer
	for _, n := range list {
		f.data = binary.BigEndian.AppendUint64(f.data, uint64(n)) //nolint:gosec // a size
	}
	return f
}

// replaced returns a header structure of rpmpack's with other fields: those of put in it, those of drop not. rpmpack has no fields of 64 bits,
// and always writes those of 32.
func replaced(section []byte, put map[uint32]field, drop ...uint32) ([]byte, error) {
	region, fields, err := readFields(section)
	if err != nil {
		return nil, err
	}
	maps.Copy(fields, put)
	for _, tag := range drop {
		delete(fields, tag)
	}
	return writeFields(region, fields), nil
}

const (
	introSize = 16 // magic, reserved, count, size of the data
	indexSize = 16 // tag, type, offset, count
)

// readFields returns the fields of a header structure, and the tag of the region that spans them all.
func readFields(section []byte) (region uint32, fields map[uint32]field, err error) {
	n, err := sectionSize(section)
	if err != nil {
		return 0, nil, err
	}
	count := int(binary.BigEndian.Uint32(section[8:]))
	data := section[introSize+indexSize*count : n]
	fields = map[uint32]field{}
	for i := range count {
		at := section[introSize+indexSize*i:]
		tag, offset := binary.BigEndian.Uint32(at), binary.BigEndian.Uint32(at[8:])
		f := field{kind: binary.BigEndian.Uint32(at[4:]), count: binary.BigEndian.Uint32(at[12:])}
		if i == 0 {
			region = tag
			continue
		}
		if int64(offset) > int64(len(data)) || !f.take(data[offset:]) {
			return 0, nil, errors.New("a field lies outside its header")
		}
		fields[tag] = f
	}
	return region, fields, nil
}

// take has the field's bytes be the first of data, as many as its type and count say.
func (f *field) take(data []byte) bool {
	n := int64(f.count)
	switch f.kind {
	case kindInt16, kindInt32, kindInt64:
		n *= int64(alignment[f.kind])
	case kindString, kindStringArray:
		n = 0
		for range f.count {
			end := bytes.IndexByte(data[n:], 0)
			if end < 0 {
				return false
			}
			n += int64(end) + 1
		}
	}
	if n > int64(len(data)) {
		return false
	}
	f.data = data[:n]
	return true
}

// writeFields writes a header structure: the index in the order of the tags, the region's entry first and its data last.
func writeFields(region uint32, fields map[uint32]field) []byte {
	var index, data []byte
	entry := func(tag, kind uint32, offset int, count uint32) []byte {
		var b []byte
		for _, n := range []uint32{tag, kind, uint32(offset), count} { //nolint:gosec // a header is far smaller
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	for _, tag := range slices.Sorted(maps.Keys(fields)) {
		f := fields[tag]
		for a := alignment[f.kind]; a != 0 && len(data)%a != 0; {
			data = append(data, 0)
		}
		index = append(index, entry(tag, f.kind, len(data), f.count)...)
		data = append(data, f.data...)
	}
	first := entry(region, kindBinary, len(data), indexSize)
	// The region's own data is an index entry that tells how far before it the index begins.
	data = append(data, entry(region, kindBinary, -(len(index)+len(first)), indexSize)...)
	out := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0}
	out = binary.BigEndian.AppendUint32(out, uint32(len(fields)+1)) //nolint:gosec // likewise
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))     //nolint:gosec // likewise
	return slices.Concat(out, first, index, data)
}
