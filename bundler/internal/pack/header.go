package pack

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/notes"
	"onerpm/bundler/internal/sign"
)

// Signer signs the bytes of an rpm header; *sign.Key is one. Its result is at most
// sign.MaxSignature bytes.
type Signer interface {
	Header(header []byte, at time.Time) ([]byte, error)
}

// Tags that rpmpack has no names for, or for which it computes values that are
// only right when it holds the content (lib/rpmtag.h of rpm).
const (
	sigRSA          = 268  // OpenPGP signature of the header
	sigSHA1         = 269  // of the header
	sigSHA256       = 273  // of the header
	sigSize         = 1000 // header and payload
	sigPayloadSize  = 1007 // payload, unpacked
	sigReserved     = 1008 // room
	tagSize         = 1009
	tagFileSizes    = 1028
	tagFileRDevs    = 1033
	tagFileDigests  = 1035
	tagChangeTime   = 1080
	tagChangeName   = 1081
	tagChangeText   = 1082
	tagFileDevices  = 1095
	tagPayloadFlags = 1126
	tagDigestAlgo   = 5011
	tagPayload      = 5092 // digests of the payload
	tagPayloadAlgo  = 5093
	algoSHA256      = 8
	leadSize        = 96
)

// payload is what the header must know of the payload.
type payload struct {
	sha256   string // of the compressed bytes
	size     int64  // of the compressed bytes
	unpacked int64  // of the archive
}

// header returns all that stands in an rpm before its payload: lead, signature
// header and header. Its length depends on meta, entries and the sizes in p
// only, not on digests nor on the signature. A nil signer gives an unsigned package
// with the same room in it.
func header(meta Meta, entries []entry, p payload, signer Signer) ([]byte, error) {
	unsigned, err := build(meta, entries, p, nil)
	if err != nil {
		return nil, err
	}
	_, _, main, err := sections(unsigned)
	if err != nil {
		return nil, err
	}
	first, second := sha1.Sum(main), sha256.Sum256(main)
	sigs := map[int]rpmpack.IndexEntry{
		sigSHA1:        rpmpack.EntryString(hex.EncodeToString(first[:])),
		sigSHA256:      rpmpack.EntryString(hex.EncodeToString(second[:])),
		sigSize:        rpmpack.EntryUint32(sizes32([]int64{int64(len(main)) + p.size})),
		sigPayloadSize: rpmpack.EntryUint32(sizes32([]int64{p.unpacked})),
	}
	if err := addSignature(sigs, main, meta, signer); err != nil {
		return nil, err
	}
	return build(meta, entries, p, sigs)
}

// addSignature adds the signature and as much reserved space as makes the sum of
// both the same for every key and for none.
func addSignature(sigs map[int]rpmpack.IndexEntry, main []byte, meta Meta, signer Signer) error {
	// The signature and the digests come first; the sizes after them start at a multiple of 4. Those of a large package stand between the
	// digests, at a multiple of 8.
	sizesAt := func(signature int) int {
		if meta.Large {
			return (signature + 2*sha1.Size + 1 + 7) &^ 7
		}
		return (signature + 2*sha1.Size + 1 + 2*sha256.Size + 1 + 3) &^ 3
	}
	room := sign.MaxSignature + indexSize + 1
	if signer != nil {
		s, err := signer.Header(main, meta.Time)
		if err != nil {
			return err
		}
		if len(s) > sign.MaxSignature {
			return fmt.Errorf("a signature of %d bytes, at most %d fit", len(s), sign.MaxSignature)
		}
		sigs[sigRSA] = rpmpack.EntryBytes(s)
		room -= indexSize + sizesAt(len(s)) - sizesAt(0)
	}
	sigs[sigReserved] = rpmpack.EntryBytes(make([]byte, room))
	return nil
}

// build has rpmpack write lead and headers: bodies are empty, the real values are put in.
func build(meta Meta, entries []entry, p payload, sigs map[int]rpmpack.IndexEntry) ([]byte, error) {
	r, err := rpmpack.NewRPM(meta.rpmpack())
	if err != nil {
		return nil, err
	}
	meta.Scripts.addTo(r)
	var total int64
	n := len(entries)
	sizes, digests := make([]int64, n), make([]string, n)
	devices, rdevs := make([]uint32, n), make([]uint16, n)
	for i, e := range entries {
		kind := rpmpack.GenericFile
		if e.ghost {
			kind = rpmpack.GhostFile
		}
		r.AddFile(rpmpack.RPMFile{
			Type: kind,
			Name: e.path, Mode: uint(e.fileMode()), Owner: "root", Group: "root",
			MTime: uint32(e.mtime.Unix()), // rpm knows no later time
		})
		sizes[i], digests[i], devices[i] = e.Size, e.SHA256, 1
		if e.dir {
			sizes[i] = 4096
		} else {
			total += sizes[i]
		}
	}
	if n > 0 {
		r.AddCustomTag(tagFileSizes, rpmpack.EntryUint32(sizes32(sizes)))
		r.AddCustomTag(tagFileDigests, rpmpack.EntryStringSlice(digests))
		r.AddCustomTag(tagFileRDevs, rpmpack.EntryUint16(rdevs))
		r.AddCustomTag(tagFileDevices, rpmpack.EntryUint32(devices))
		r.AddCustomTag(tagDigestAlgo, rpmpack.EntryUint32([]uint32{algoSHA256}))
	}
	r.AddCustomTag(tagSize, rpmpack.EntryUint32(sizes32([]int64{total})))
	r.AddCustomTag(tagPayloadFlags, rpmpack.EntryString("0"))
	r.AddCustomTag(tagPayload, rpmpack.EntryStringSlice([]string{p.sha256}))
	r.AddCustomTag(tagPayloadAlgo, rpmpack.EntryUint32([]uint32{algoSHA256}))
	meta.addChanges(r)
	for tag, v := range sigs {
		r.AddCustomSig(tag, v)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return nil, fmt.Errorf("build the header: %w", err)
	}
	// What follows the headers is rpmpack's own payload, of empty files; ours comes instead.
	lead, signature, main, err := sections(b.Bytes())
	if err != nil {
		return nil, err
	}
	if meta.Large {
		if signature, main, err = with64(signature, main, sizes, total, p); err != nil {
			return nil, err
		}
	}
	return slices.Concat(lead, signature, make([]byte, -len(signature)&7), main), nil
}

// with64 returns both header structures with the sizes that have 64 bits.
func with64(signature, main []byte, sizes []int64, total int64, p payload) ([]byte, []byte, error) {
	main, err := replaced(main, map[uint32]field{tagLongFileSizes: numbers64(sizes...), tagLongSize: numbers64(total)}, tagFileSizes, tagSize)
	if err != nil {
		return nil, nil, err
	}
	signature, err = replaced(signature, map[uint32]field{
		sigLongSize: numbers64(int64(len(main)) + p.size), sigLongPayloadSize: numbers64(p.unpacked),
	}, sigSize, sigPayloadSize)
	return signature, main, err
}

// sizes32 are the lower bits of sizes, which is all of them but in a large package, where they are replaced.
func sizes32(sizes []int64) []uint32 {
	out := make([]uint32, len(sizes))
	for i, n := range sizes {
		out[i] = uint32(n) //nolint:gosec // see above
	}
	return out
}

// addChanges writes the changelog. Release notes are an entry of their own, which inspect knows by its name.
func (m Meta) addChanges(r *rpmpack.RPM) {
	if m.Change == "" {
		return
	}
	at := uint32(m.Time.Unix()) // a date after 1970
	times, names, texts := []uint32{at}, []string{m.Vendor + " - " + m.Version + "-" + m.Release}, []string{"- " + m.Change}
	if m.Notes != "" {
		times, names, texts = append(times, at), append(names, m.Vendor+notes.ChangelogName), append(texts, m.Notes)
	}
	r.AddCustomTag(tagChangeTime, rpmpack.EntryUint32(times))
	r.AddCustomTag(tagChangeName, rpmpack.EntryStringSlice(names))
	r.AddCustomTag(tagChangeText, rpmpack.EntryStringSlice(texts))
}

// sections returns lead, signature header and header proper of an rpm. The last is what its digests and its signature are of.
func sections(rpm []byte) (lead, signature, main []byte, err error) {
	if len(rpm) < leadSize {
		return nil, nil, nil, io.ErrUnexpectedEOF
	}
	lead, rest := rpm[:leadSize], rpm[leadSize:]
	n, err := sectionSize(rest)
	if err != nil {
		return nil, nil, nil, err
	}
	signature = rest[:n]
	if n = (n + 7) &^ 7; n > int64(len(rest)) { // it is padded to 8 bytes
		return nil, nil, nil, io.ErrUnexpectedEOF
	}
	rest = rest[n:]
	if n, err = sectionSize(rest); err != nil {
		return nil, nil, nil, err
	}
	return lead, signature, rest[:n], nil
}

// sectionSize returns the length of the header structure that b starts with.
func sectionSize(b []byte) (int64, error) {
	if len(b) < introSize {
		return 0, io.ErrUnexpectedEOF
	}
	if !bytes.Equal(b[:4], []byte{0x8e, 0xad, 0xe8, 1}) {
		return 0, errors.New("no rpm header here")
	}
	n := introSize + indexSize*int64(binary.BigEndian.Uint32(b[8:])) + int64(binary.BigEndian.Uint32(b[12:]))
	if n > int64(len(b)) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}
