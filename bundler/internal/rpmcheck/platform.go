package rpmcheck

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/nevra"
	"onerpm/internal/rpmfile"
)

// rpmOf is the rpm that a platform has, by its distribution and main version.
var rpmOf = map[string]string{"el7": "4.11", "el8": "4.14", "el9": "4.16", "el10": "4.19"}

// feature is what a package may ask of rpm itself: the version that rpm provides of it, and the first rpm that does.
type feature struct{ evr, since string }

// oldest is the rpm of the oldest platform.
const oldest = "4.11"

// features are rpm's own (rpmlibProvides in lib/rpmds.c), as the platforms' builds have them.
var features = map[string]feature{
	"rpmlib(VersionedDependencies)":    {"3.0.3-1", oldest},
	"rpmlib(CompressedFileNames)":      {"3.0.4-1", oldest},
	"rpmlib(PayloadIsBzip2)":           {"3.0.5-1", oldest},
	"rpmlib(PayloadIsXz)":              {"5.2-1", oldest},
	"rpmlib(PayloadIsLzma)":            {"4.4.2-1", oldest},
	"rpmlib(PayloadFilesHavePrefix)":   {"4.0-1", oldest},
	"rpmlib(ExplicitPackageProvide)":   {"4.0-1", oldest},
	"rpmlib(HeaderLoadSortsTags)":      {"4.0.1-1", oldest},
	"rpmlib(ScriptletInterpreterArgs)": {"4.0.3-1", oldest},
	"rpmlib(PartialHardlinkSets)":      {"4.0.4-1", oldest},
	"rpmlib(ConcurrentAccess)":         {"4.1-1", oldest},
	"rpmlib(BuiltinLuaScripts)":        {"4.2.2-1", oldest},
	"rpmlib(FileDigests)":              {"4.6.0-1", oldest},
	"rpmlib(FileCaps)":                 {"4.6.1-1", oldest},
	"rpmlib(ScriptletExpansion)":       {"4.9.0-1", oldest},
	"rpmlib(TildeInVersions)":          {"4.10.0-1", oldest},
	"rpmlib(LargeFiles)":               {"4.12.0-1", "4.12"},
	"rpmlib(RichDependencies)":         {"4.12.0-1", "4.12"},
	"rpmlib(PayloadIsZstd)":            {"5.4.18-1", "4.14"},
	"rpmlib(CaretInVersions)":          {"4.15.0-1", "4.14"},
	"rpmlib(DynamicBuildRequires)":     {"4.15.0-1", "4.15"},
}

// compressors are the payloads that rpm unpacks, and since when; "" is gzip.
var compressors = map[string]string{"": oldest, "gzip": oldest, "bzip2": oldest, "xz": oldest, "lzma": oldest, "zstd": "4.14"}

// Provides says whether the rpm of a platform, e.g. el7.x86_64, has a feature of rpm, e.g. rpmlib(LargeFiles). It is true for a platform whose rpm is not known here.
func Provides(platform, name string) bool {
	system, _, _ := strings.Cut(platform, ".")
	has, known := rpmOf[system]
	f := features[name]
	return !known || f.since != "" && nevra.CompareEVR(has, f.since) >= 0
}

// Unreadable says why the rpm of a platform, e.g. el7.x86_64, cannot install a package, whatever else is
// there. It is empty for a package that it can, and for a platform whose rpm is not known here.
func Unreadable(h *rpmpkg.Package, platform string) []string {
	system, _, _ := strings.Cut(platform, ".")
	has, known := rpmOf[system]
	if !known {
		return nil
	}
	var out []string
	unsupported := func(since, format string, args ...any) {
		if since == "" || nevra.CompareEVR(has, since) < 0 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	asked := map[string]bool{}
	for _, d := range h.Requires() {
		if !d.IsRpmlib() || MayBeMissing(d) || asked[d.String()] {
			continue
		}
		asked[d.String()], asked[d.Name] = true, true
		f := features[d.Name]
		if !Overlap(rpmpkg.Dep{Name: d.Name, Flags: rpmpkg.DepEqual, EVR: f.evr}, d) {
			f.since = ""
		}
		unsupported(f.since, "needs %s", d)
	}
	if format := h.Lib.PayloadFormat(); format != "" && format != "cpio" {
		unsupported("", "has a payload of the format %s", format)
	}
	// A builder that forgets to ask for it does not make rpm able to unpack it.
	if c := h.Lib.PayloadCompression(); c != "zstd" || !asked["rpmlib(PayloadIsZstd)"] {
		unsupported(compressors[c], "has a payload compressed with %s", c)
	}
	for _, tag := range []rpmfile.Tag{rpmpkg.SigRSA, rpmpkg.SigDSA, rpmpkg.SigPGP, rpmpkg.SigGPG} {
		if algorithm := signedWith(h.Signature.Bytes(tag)); algorithm != 0 {
			unsupported(signedSince(algorithm), "has a signature in signature tag %d that is made with %s: it cannot read the package, even without checking it", tag, algorithmName(algorithm))
		}
	}
	return out
}

// signedWith returns the public key algorithm of a signature packet, 0 when there is none in it.
func signedWith(signature []byte) packet.PublicKeyAlgorithm {
	p, err := packet.NewOpaqueReader(bytes.NewReader(signature)).Next()
	if err != nil || p.Tag != 2 {
		return 0
	}
	at := 2 // version, type, algorithm
	if len(p.Contents) > 0 && p.Contents[0] == 3 {
		at = 15 // version, 5, type, time, key
	}
	if at >= len(p.Contents) {
		return 0
	}
	return packet.PublicKeyAlgorithm(p.Contents[at])
}

// signedSince is the first rpm that reads signatures of a public key algorithm. Before Sequoia, rpm
// refused a package with one that it did not know.
func signedSince(algorithm packet.PublicKeyAlgorithm) string {
	switch algorithm {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoDSA:
		return oldest
	case packet.PubKeyAlgoEdDSA:
		return "4.16"
	}
	return "4.19"
}

func algorithmName(algorithm packet.PublicKeyAlgorithm) string {
	switch algorithm {
	case packet.PubKeyAlgoRSA:
		return "RSA"
	case packet.PubKeyAlgoDSA:
		return "DSA"
	case packet.PubKeyAlgoECDSA:
		return "ECDSA"
	case packet.PubKeyAlgoEdDSA:
		return "Ed25519"
	}
	return fmt.Sprintf("public key algorithm %d", algorithm)
}
