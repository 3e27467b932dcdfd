package pack

import (
	"slices"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/rpmcheck"
	"onerpm/internal/manifest"
	"onerpm/internal/stored"
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
func withHeaders(a archive) int64 { return stored.Size("gzip", a.size()) + 16<<20 }

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
