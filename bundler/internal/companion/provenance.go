package companion

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"onerpm/bundler/internal/pack"
)

// The statement's types: in-toto statement 1 with an SLSA provenance 1 predicate
// (github.com/in-toto/attestation/spec). Our own, because the protobuf form of them is not written
// in equal bytes each time; a test holds them against the specification's types.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = "urn:onerpm:bundler-build:v1"
	builderID     = "urn:onerpm:bundler"
)

type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type resource struct {
	Name   string            `json:"name"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	BuildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]string `json:"externalParameters"`
		ResolvedDependencies []resource        `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// Provenance returns the statement of what a bundle was made from: the jump, and
// every file that went in, by digest. Its subjects are the bundle and its bill of materials.
// sum is the SHA-256 of the bundle's file, key the fingerprint that it is signed with, "" for none.
func Provenance(b pack.Bundle, sum string, sbom []byte, key string) ([]byte, error) {
	s := statement{Type: statementType, PredicateType: predicateType}
	bom := sha256.Sum256(sbom)
	s.Subject = []resource{
		{Name: b.FileName(), Digest: map[string]string{"sha256": sum}},
		{Name: SBOMName(b), Digest: map[string]string{"sha256": hex.EncodeToString(bom[:])}},
	}
	m, d := b.Manifest, &s.Predicate.BuildDefinition
	d.BuildType = buildType
	d.ExternalParameters = map[string]string{
		"jump": m.From + "-" + m.To, "revision": fmt.Sprint(m.Revision), "date": m.Date,
	}
	if key != "" {
		d.ExternalParameters["key"] = key
	}
	uris := map[string]string{}
	for _, p := range append(m.Old, m.New...) {
		uris[p.File] = purl(p.Name, p.Epoch, p.Version, p.Release, p.Arch)
	}
	for _, f := range b.Files {
		if f.Path == m.Undo || f.Path == m.Drop {
			continue // made by the build
		}
		d.ResolvedDependencies = append(d.ResolvedDependencies, resource{
			Name: f.Path, URI: uris[f.Path], Digest: map[string]string{"sha256": f.SHA256},
		})
	}
	s.Predicate.RunDetails.Builder.ID = builderID
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("write the provenance: %w", err)
	}
	return out.Bytes(), nil
}

// SBOMName returns the name of the bill of materials' file.
func SBOMName(b pack.Bundle) string { return b.FileName() + ".cdx.json" }

// ProvenanceName returns the name of the statement's file.
func ProvenanceName(b pack.Bundle) string { return b.FileName() + ".intoto.json" }

// ChecksumName returns the name of the checksum's file.
func ChecksumName(b pack.Bundle) string { return b.FileName() + ".sha256" }
