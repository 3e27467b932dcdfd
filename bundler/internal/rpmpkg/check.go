package rpmpkg

import (
	"fmt"
	"math"

	"onerpm/internal/rpmfile"
)

// Tags of the main header, as far as they have a name here.
const (
	TagSummary           rpmfile.Tag = 1004
	TagDescription       rpmfile.Tag = 1005
	TagGroup             rpmfile.Tag = 1016
	tagSize              rpmfile.Tag = 1009
	tagLongSize          rpmfile.Tag = 5009
	tagPayloadDigest     rpmfile.Tag = 5092 // of the payload as it lies in the file, compressed
	tagPayloadDigestAlgo rpmfile.Tag = 5093
)

// Tags of the signature header.
const (
	SigDSA             rpmfile.Tag = 267  // OpenPGP signature of the main header, any algorithm but RSA
	SigRSA             rpmfile.Tag = 268  // OpenPGP signature of the main header, RSA
	SigSHA1            rpmfile.Tag = 269  // of the main header
	SigLongSize        rpmfile.Tag = 270  // bytes of main header and payload
	SigLongArchiveSize rpmfile.Tag = 271  // bytes of the payload once uncompressed
	SigSHA256          rpmfile.Tag = 273  // of the main header
	SigSize            rpmfile.Tag = 1000 // bytes of main header and payload
	SigPGP             rpmfile.Tag = 1002 // OpenPGP signature of main header and payload, RSA
	SigMD5             rpmfile.Tag = 1004 // of main header and payload
	SigGPG             rpmfile.Tag = 1005 // OpenPGP signature of main header and payload, any algorithm but RSA
	SigPayloadSize     rpmfile.Tag = 1007 // bytes of the payload once uncompressed
)

var signatureTypes = rpmfile.Types{
	String: []rpmfile.Tag{SigSHA1, SigSHA256},
	Ints:   []rpmfile.Tag{SigSize, SigLongSize, SigPayloadSize, SigLongArchiveSize},
	Bytes:  []rpmfile.Tag{SigDSA, SigRSA, SigPGP, SigMD5, SigGPG},
}

// mainTypes are those of the tags that the guard leaves to us, but for lists that have a table of their own.
var mainTypes = rpmfile.Types{
	String: []rpmfile.Tag{
		1007, 1011, 1014, 1020, 1021, 1044, // host of the build, vendor, license, URL, operating system, source package
		1124, 1125, 1126, // format, compressor and flags of the payload
	},
	Strings: []rpmfile.Tag{
		TagSummary, TagDescription, TagGroup, tagPayloadDigest,
		5097, // digest of the payload once uncompressed
	},
	Ints: []rpmfile.Tag{
		1006, // time of the build
		tagSize, tagLongSize, tagPayloadDigestAlgo,
	},
}

// MaxValues bounds the values of a header: the library holds each by itself, in up to 16 times the room that
// it has in the file. As many files as rpmfile.MaxData has room for have fewer.
const MaxValues = 4 << 20

// check refuses what the guard lets through, as nobody but the bundler reads it: tags of a wrong type, lists
// that do not fit together, and more values than the library may have.
func check(h *rpmfile.Header) error {
	if n := values(h.Signature) + values(h.Main); n > MaxValues {
		return fmt.Errorf("%d values, more than %d are not read", n, MaxValues)
	}
	if err := h.Signature.CheckTypes(signatureTypes); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	types := mainTypes
	for _, s := range rpmfile.ScriptletTags {
		types.String, types.Strings = append(types.String, s.Body), append(types.Strings, s.Prog)
	}
	for _, r := range strong {
		types.Strings, types.Ints = append(types.Strings, r.names, r.versions), append(types.Ints, r.flags)
	}
	if err := h.Main.CheckTypes(types); err != nil {
		return err
	}
	for _, r := range strong {
		if err := h.Main.CheckLengths(r.names, r.flags, r.versions); err != nil {
			return err
		}
	}
	for _, t := range triggerTags {
		if err := checkTriggers(h.Main, t); err != nil {
			return err
		}
	}
	for _, tag := range []rpmfile.Tag{tagSize, tagLongSize} {
		if v, _ := h.Main.Int(tag); v > math.MaxInt64 {
			return fmt.Errorf("tag %d: a size of %d", tag, v)
		}
	}
	return nil
}

// values counts the values of a header's entries, where they are more than bytes.
func values(t *rpmfile.Tags) int {
	n := 0
	for _, e := range t.Index() {
		if e.Type != rpmfile.TypeBin {
			n += int(e.Count)
		}
	}
	return n
}
