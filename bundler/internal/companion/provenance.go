package companion

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"onerpm/bundler/internal/intoto"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/version"
)

const (
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = "urn:onerpm:bundler-build:v1"
	builderID     = "urn:onerpm:bundler"
)

// predicate is an SLSA provenance 1. A test holds it against the specification's type.
type predicate struct {
	BuildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]string `json:"externalParameters"`
		ResolvedDependencies []intoto.Resource `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version"` // of each part of the builder
		} `json:"builder"`
	} `json:"runDetails"`
}

// Provenance returns the statement of what a bundle was made from: the jump, and
// every file that went in, by digest (of a package that is rebuilt, the package as its vendor made it), and the version of the bundler. Its subjects are the bundle and its bill of materials.
// sum is the SHA-256 of the bundle's file, key the fingerprint that it is signed with, "" for none.
func Provenance(b pack.Bundle, sum string, sbom []byte, key string) ([]byte, error) {
	var p predicate
	m, d := b.Manifest, &p.BuildDefinition
	d.BuildType = buildType
	d.ExternalParameters = map[string]string{
		"jump": m.From + "-" + m.To, "revision": fmt.Sprint(m.Revision), "date": m.Date,
	}
	if key != "" {
		d.ExternalParameters["key"] = key
	}
	made := map[string]bool{m.Undo: true, m.Drop: true} // by the build
	uris := map[string]string{}
	for _, p := range slices.Concat(m.Old, m.New) {
		uris[p.File] = purl(p.ID)
		if s, r := m.Rebuilt(p.File); r != nil {
			made[s.File], made[r.Head] = true, true
			d.ResolvedDependencies = append(d.ResolvedDependencies, intoto.Resource{
				Name: p.File, URI: uris[p.File], Digest: map[string]string{"sha256": p.SHA256},
			})
		}
	}
	for _, f := range b.Files {
		if made[f.Path] {
			continue
		}
		d.ResolvedDependencies = append(d.ResolvedDependencies, intoto.Resource{
			Name: f.Path, URI: uris[f.Path], Digest: map[string]string{"sha256": f.SHA256},
		})
	}
	p.RunDetails.Builder.ID, p.RunDetails.Builder.Version = builderID, map[string]string{"bundler": version.Number()}
	bom := sha256.Sum256(sbom)
	return intoto.New(predicateType, p,
		intoto.Resource{Name: b.FileName(), Digest: map[string]string{"sha256": sum}},
		intoto.Resource{Name: SBOMName(b), Digest: map[string]string{"sha256": hex.EncodeToString(bom[:])}}).Encode()
}

// SBOMName returns the name of the bill of materials' file.
func SBOMName(b pack.Bundle) string { return b.FileName() + ".cdx.json" }

// ProvenanceName returns the name of the statement's file.
func ProvenanceName(b pack.Bundle) string { return b.FileName() + ".intoto.json" }

// ChecksumName returns the name of the checksum's file.
func ChecksumName(b pack.Bundle) string { return b.FileName() + ".sha256" }
