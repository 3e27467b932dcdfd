// Package nevra is the identity of an RPM package: name, epoch, version, release and
// architecture, how they are written and read, and which of two versions rpm takes for the newer.
package nevra

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ID is the identity of a package. Types that describe a package embed it.
type ID struct {
	Name    string `json:"name"`
	Epoch   int    `json:"epoch"` // 0 when the package has none (RPMTAG_EPOCH absent)
	Version string `json:"version"`
	Release string `json:"release"`
	Arch    string `json:"arch"`
}

// EVR returns epoch:version-release, the epoch always written, as rpm's
// %{EPOCHNUM}:%{VERSION}-%{RELEASE} does.
func (p ID) EVR() string { return strconv.Itoa(p.Epoch) + ":" + p.Version + "-" + p.Release }

// ShortEVR is EVR without an epoch of 0, as dependencies and people write it.
func (p ID) ShortEVR() string { return strings.TrimPrefix(p.EVR(), "0:") }

// NVR returns name-version-release.
func (p ID) NVR() string { return p.Name + "-" + p.Version + "-" + p.Release }

// NEVRA returns name-epoch:version-release.arch, without the epoch when it is 0. rpm -e
// takes it for exactly this package.
func (p ID) NEVRA() string { return p.Name + "-" + p.ShortEVR() + "." + p.Arch }

// FileName returns the name of the package's file by convention; the epoch is not in it.
func (p ID) FileName() string { return p.NVR() + "." + p.Arch + ".rpm" }

// Compare orders two packages by epoch, version and release as rpm does; see CompareEVR.
func (p ID) Compare(o ID) int { return CompareEVR(p.EVR(), o.EVR()) }

// Grammars of the parts. rpm forbids a dash, a slash and a colon in a version; the other
// characters are those that rpmbuild lets pass.
var (
	nameGrammar = regexp.MustCompile(`^[^\s/:.-][^\s/:]*$`)
	partGrammar = regexp.MustCompile(`^[^\s/:-]+$`)
	archGrammar = regexp.MustCompile(`^[^\s/:.-]+$`)
)

// maxPart bounds each part, in bytes.
const maxPart = 255

// ParseEVR reads [epoch:]version-release; an epoch that is not written is 0.
func ParseEVR(s string) (ID, error) {
	epoch, rest, found := strings.Cut(s, ":")
	if !found {
		epoch, rest = "0", s
	}
	n, err := strconv.ParseUint(epoch, 10, 31)
	if err != nil || strings.HasPrefix(epoch, "+") {
		return ID{}, fmt.Errorf("%.80q is no [epoch:]version-release: the epoch is no number", s)
	}
	version, release, found := strings.Cut(rest, "-")
	if !found || !partGrammar.MatchString(version) || !partGrammar.MatchString(release) || len(version) > maxPart || len(release) > maxPart {
		return ID{}, fmt.Errorf("%.80q is no [epoch:]version-release", s)
	}
	return ID{Epoch: int(n), Version: version, Release: release}, nil
}

// Parse reads name-[epoch:]version-release.arch.
func Parse(s string) (ID, error) {
	bad := func(why string) (ID, error) {
		return ID{}, fmt.Errorf("%.80q is no name-version-release.arch: %s", s, why)
	}
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 || !archGrammar.MatchString(s[dot+1:]) || len(s)-dot > maxPart {
		return bad("it does not end with an architecture")
	}
	release := strings.LastIndexByte(s[:dot], '-')
	if release < 0 {
		return bad("it has no release")
	}
	version := strings.LastIndexByte(s[:release], '-')
	if version < 0 || !nameGrammar.MatchString(s[:version]) || version > maxPart {
		return bad("it has no name")
	}
	id, err := ParseEVR(s[version+1 : dot])
	if err != nil {
		return bad(err.Error())
	}
	id.Name, id.Arch = s[:version], s[dot+1:]
	return id, nil
}
