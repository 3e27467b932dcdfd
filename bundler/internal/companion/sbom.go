// Package companion writes what lies beside a bundle: its checksum, a bill of
// materials (CycloneDX) and a statement of provenance (in-toto). All of them follow
// from the bundle and, in the statement, the bundler's version, so two builds of it have equal ones.
package companion

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/percent"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// Checksum returns the line that "sha256sum -c" reads.
func Checksum(file, sha256 string) []byte { return []byte(sha256 + "  " + file + "\n") }

// SBOM returns the bill of materials of a bundle, in CycloneDX 1.5 as JSON: every
// package of both releases with its role, the engine with the Go modules in it, every other file.
// sha256 is that of the bundle's file.
func SBOM(b pack.Bundle, sha256 string) ([]byte, error) {
	serial, err := serialNumber(sha256)
	if err != nil {
		return nil, err
	}
	m := b.Manifest
	bom := cdx.NewBOM()
	bom.SerialNumber = serial
	main := cdx.Component{
		BOMRef: "bundle", Type: cdx.ComponentTypeApplication, Name: b.Name(), Version: fmt.Sprintf("%s-%d", m.To, m.Revision),
		Description: fmt.Sprintf("Upgrade of %s %s to %s in place", m.Product, m.From, m.To), Publisher: b.Vendor,
		PackageURL: purl(b.ID()), Hashes: sha(sha256),
		Licenses: &cdx.Licenses{{Expression: b.License}},
	}
	bom.Metadata = &cdx.Metadata{Timestamp: m.Date, Component: &main}
	parts, err := parts(b)
	if err != nil {
		return nil, err
	}
	bom.Components = &parts
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_5); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

// parts lists packages, then files, in the manifest's order.
func parts(b pack.Bundle) ([]cdx.Component, error) {
	inBundle := map[string]bool{}
	var out []cdx.Component
	for _, side := range []struct {
		name string
		set  []manifest.Package
	}{{"new", b.Manifest.New}, {"old", b.Manifest.Old}} {
		for _, p := range side.set {
			inBundle[p.File] = true
			role := side.name
			if p.File == "" {
				if side.name == "old" {
					continue // the same as the new one
				}
				role = "expected on the host"
			}
			properties := []cdx.Property{{Name: "bundle:role", Value: role}, {Name: "bundle:file", Value: p.File}}
			if s, r := b.Manifest.Rebuilt(p.File); r != nil {
				properties = append(properties, cdx.Property{Name: "bundle:rebuilt-of", Value: r.Head + " " + s.File}, cdx.Property{Name: "bundle:rebuilt-sha256", Value: r.SHA256})
			}
			out = append(out, cdx.Component{
				BOMRef: role + "/" + p.NEVRA(), Type: cdx.ComponentTypeLibrary, Name: p.Name, Version: p.EVR(),
				PackageURL: purl(p.ID), Hashes: sha(p.SHA256), Properties: &properties,
			})
		}
	}
	for _, f := range b.Files {
		if inBundle[f.Path] {
			continue
		}
		c := cdx.Component{BOMRef: "file/" + f.Path, Type: cdx.ComponentTypeFile, Name: f.Path, Hashes: sha(f.SHA256)}
		if f.Path == "bin/engine" {
			c.Type, c.Name = cdx.ComponentTypeApplication, "engine"
			modules, err := modules(f)
			if err != nil {
				return nil, err
			}
			c.Components = &modules
		}
		out = append(out, c)
	}
	return out, nil
}

// modules lists the Go modules in a program, the toolchain first.
func modules(program pack.File) ([]cdx.Component, error) {
	info, err := buildInfo(program)
	if err != nil {
		return nil, fmt.Errorf("read which modules %s is made of: %w", path.Base(cmp.Or(program.From, program.Path)), err)
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	out := []cdx.Component{{
		BOMRef: "golang/stdlib", Type: cdx.ComponentTypeLibrary, Name: "stdlib", Version: version, PackageURL: "pkg:golang/stdlib@" + percent.Path(version),
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out = append(out, cdx.Component{
			BOMRef: "golang/" + m.Path, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			PackageURL: "pkg:golang/" + percent.Path(m.Path) + "@" + percent.Path(m.Version),
		})
	}
	return out, nil
}

func buildInfo(program pack.File) (*buildinfo.BuildInfo, error) {
	if program.From == "" {
		return buildinfo.Read(bytes.NewReader(program.Body))
	}
	return buildinfo.ReadFile(program.From)
}

// purl returns the package URL of an rpm (purl-spec, type rpm).
func purl(p nevra.ID) string {
	s := "pkg:rpm/" + percent.Path(p.Name) + "@" + percent.Path(p.Version+"-"+p.Release) + "?arch=" + percent.Path(p.Arch)
	if p.Epoch != 0 {
		s += fmt.Sprintf("&epoch=%d", p.Epoch)
	}
	return s
}

func sha(sum string) *[]cdx.Hash {
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
}

// serialNumber makes a UUID (RFC 9562, version 8) of a SHA-256, so that the same bundle has the same one.
func serialNumber(sha256 string) (string, error) {
	b, err := hex.DecodeString(sha256)
	if err != nil || len(b) != 32 {
		return "", fmt.Errorf("%q is no sha256", sha256)
	}
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]), nil
}
