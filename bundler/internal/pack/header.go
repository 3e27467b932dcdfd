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
	main, err := mainHeader(unsigned)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(main)
	sigs := map[int]rpmpack.IndexEntry{
		sigSHA1:        rpmpack.EntryString(hex.EncodeToString(sum[:])),
		sigSize:        rpmpack.EntryUint32([]uint32{uint32(int64(len(main)) + p.size)}), // checkSizes holds it below 2^32
		sigPayloadSize: rpmpack.EntryUint32([]uint32{uint32(p.unpacked)}),                // likewise
	}
	if err := addSignature(sigs, main, meta.Time, signer); err != nil {
		return nil, err
	}
	return build(meta, entries, p, sigs)
}

// addSignature adds the signature and as much reserved space as makes the sum of
// both the same for every key and for none.
func addSignature(sigs map[int]rpmpack.IndexEntry, main []byte, at time.Time, signer Signer) error {
	const entrySize = 16 // of a tag in the index
	// The signature, 269 and 273 (rpmpack adds it) come first; the numbers after them start at a multiple of 4.
	numbersAt := func(signature int) int {
		return (signature + 2*sha1.Size + 1 + 2*sha256.Size + 1 + 3) &^ 3
	}
	room := sign.MaxSignature + entrySize + 1
	if signer != nil {
		s, err := signer.Header(main, at)
		if err != nil {
			return err
		}
		if len(s) > sign.MaxSignature {
			return fmt.Errorf("a signature of %d bytes, at most %d fit", len(s), sign.MaxSignature)
		}
		sigs[sigRSA] = rpmpack.EntryBytes(s)
		room -= entrySize + numbersAt(len(s)) - numbersAt(0)
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
	var total uint32
	n := len(entries)
	sizes, digests := make([]uint32, n), make([]string, n)
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
		sizes[i], digests[i], devices[i] = uint32(e.Size), e.SHA256, 1 // checkSizes holds it below 2^32
		if e.dir {
			sizes[i] = 4096
		} else {
			total += sizes[i]
		}
	}
	if n > 0 {
		r.AddCustomTag(tagFileSizes, rpmpack.EntryUint32(sizes))
		r.AddCustomTag(tagFileDigests, rpmpack.EntryStringSlice(digests))
		r.AddCustomTag(tagFileRDevs, rpmpack.EntryUint16(rdevs))
		r.AddCustomTag(tagFileDevices, rpmpack.EntryUint32(devices))
		r.AddCustomTag(tagDigestAlgo, rpmpack.EntryUint32([]uint32{algoSHA256}))
	}
	r.AddCustomTag(tagSize, rpmpack.EntryUint32([]uint32{total}))
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
	main, err := mainHeader(b.Bytes())
	if err != nil {
		return nil, err
	}
	// What follows the header is rpmpack's own payload, of empty files; ours comes instead.
	end := bytes.Index(b.Bytes(), main) + len(main)
	return b.Bytes()[:end], nil
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

// mainHeader returns the header proper of an rpm: what its digests and its signature are of.
func mainHeader(rpm []byte) ([]byte, error) {
	if len(rpm) < leadSize {
		return nil, io.ErrUnexpectedEOF
	}
	at := int64(leadSize)
	n, err := sectionSize(rpm[at:])
	if err != nil {
		return nil, err
	}
	at = (at + n + 7) &^ 7 // the signature header is padded to 8 bytes
	if at > int64(len(rpm)) {
		return nil, io.ErrUnexpectedEOF
	}
	if n, err = sectionSize(rpm[at:]); err != nil {
		return nil, err
	}
	return rpm[at : at+n], nil
}

// sectionSize returns the length of the header structure that b starts with.
func sectionSize(b []byte) (int64, error) {
	const intro, entrySize = 16, 16
	if len(b) < intro {
		return 0, io.ErrUnexpectedEOF
	}
	if !bytes.Equal(b[:4], []byte{0x8e, 0xad, 0xe8, 1}) {
		return 0, errors.New("no rpm header here")
	}
	n := intro + entrySize*int64(binary.BigEndian.Uint32(b[8:])) + int64(binary.BigEndian.Uint32(b[12:]))
	if n > int64(len(b)) {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}
