package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/internal/manifest"
)

// The sizes in an rpm have 32 bits, in its headers and in its archive. A package past them, in one file or in all, has tags of 64 bits
// in their place (rpm 4.6) and an archive that tells no sizes (rpm 4.12, which says so with rpmlib(LargeFiles)). One form serves both cases.
const (
	most32 = 1<<32 - 1
	// largest is what S3 keeps in one object (Amazon S3 User Guide, "Multipart upload limits").
	largest = 5 << 40

	largeFeature = "rpmlib(LargeFiles)"
	largeVersion = "4.12.0-1"

	sigLongSize        = 270  // in place of sigSize
	sigLongPayloadSize = 271  // of sigPayloadSize
	tagLongFileSizes   = 5008 // of tagFileSizes
	tagLongSize        = 5009 // of tagSize
)

// isLarge says whether a package of entries is too large for sizes of 32 bits.
func isLarge(entries []entry) bool {
	if slices.ContainsFunc(entries, func(e entry) bool { return e.Size > most32 }) {
		return true
	}
	return withHeaders(archive{entries: entries}) > most32
}

// withHeaders returns the bytes of a package at most. 16 MiB are more than lead and headers can take.
func withHeaders(a archive) int64 { return storedSize(a.size()) + 16<<20 }

// CheckSize refuses a jump whose components alone, by their declared sizes, make the bundle larger than a store keeps or than the
// rpm of one of the platforms, e.g. el7.x86_64, can read. It is for before they are fetched.
func CheckSize(name string, platforms []string, packages ...manifest.Package) error {
	var entries []entry
	for _, p := range packages {
		if p.Size < 0 || p.Size > largest { // the sum must not overflow
			return exit.Errorf(exit.TooLarge, "", "%s: %s has %d bytes", name, p.NEVRA(), p.Size)
		}
		e := entry{}
		e.Path, e.Size = p.NEVRA(), p.Size
		entries = append(entries, e)
	}
	return checkSize(name, platforms, entries)
}

// checkSize refuses what no store keeps, and what a platform cannot read.
func checkSize(name string, platforms []string, entries []entry) error {
	const hint = "leave components out of the jump, or split it in two"
	large := isLarge(entries)
	size := withHeaders(archive{entries, large})
	if size > largest {
		return exit.Errorf(exit.TooLarge, hint, "%s: it would have %d bytes, S3 keeps no object of more than 5 TiB", name, size)
	}
	for _, platform := range platforms {
		if large && !rpmcheck.Provides(platform, largeFeature) {
			return exit.Errorf(exit.TooLarge, hint+", or take the platform out of the releases",
				"%s: it would have about %d MiB, and the rpm of %s reads no package past 4 GiB: it has no %s", name, size>>20, platform, largeFeature)
		}
	}
	return nil
}

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
