package companion_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	attestation "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"onerpm/bundler/internal/companion"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/version"
	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

var sum = strings.Repeat("5a", 32)

// sample is a bundle whose engine is a real Go program: this test.
func sample(t *testing.T) pack.Bundle {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := func(path, from string) pack.File {
		digest := sha256.Sum256([]byte(path))
		return pack.File{File: manifest.File{Path: path, SHA256: hex.EncodeToString(digest[:]), Mode: 0o644}, From: from}
	}
	b := pack.Bundle{
		Arch: "x86_64", Vendor: "Somebody", License: "Apache-2.0",
		Files: []pack.File{
			file("bin/engine", self), file("migrations/main/1_expand_x.sql", ""), file("packages/a-2-1.noarch.rpm", ""),
			file("rollback/a-1-1.noarch.rpm", ""), file("rollback/undo.rpm", ""),
		},
		Manifest: &manifest.Manifest{Product: "Product", Prefix: "p-upgrade", From: "1.0", To: "2.0", Revision: 3, Date: "2017-11-20T00:00:00Z", Undo: "rollback/undo.rpm"},
	}
	for _, f := range b.Files {
		b.Manifest.Files = append(b.Manifest.Files, f.File)
	}
	same := manifest.Package{ID: nevra.ID{Name: "same", Version: "1", Release: "1", Arch: "noarch"}, SHA256: sum}
	b.Manifest.Old = []manifest.Package{{ID: nevra.ID{Name: "a", Version: "1", Release: "1", Arch: "noarch"}, File: "rollback/a-1-1.noarch.rpm", SHA256: b.Files[3].SHA256}, same}
	b.Manifest.New = []manifest.Package{{ID: nevra.ID{Name: "a", Epoch: 2, Version: "2~rc1+x^y", Release: "1", Arch: "noarch"}, File: "packages/a-2-1.noarch.rpm", SHA256: b.Files[2].SHA256}, same}
	return b
}

func sbom(t *testing.T, b pack.Bundle) []byte {
	t.Helper()
	out, err := companion.SBOM(b, sum)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSBOM(t *testing.T) {
	t.Parallel()
	b := sample(t)
	text := sbom(t, b)
	if !bytes.Equal(text, sbom(t, b)) {
		t.Error("two runs give two texts")
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SpecVersion != cdx.SpecVersion1_5 || bom.Metadata.Timestamp != "2017-11-20T00:00:00Z" || !strings.HasPrefix(bom.SerialNumber, "urn:uuid:5a5a5a5a-5a5a-8a5a-9a5a-") {
		t.Errorf("%s %s %s", bom.SpecVersion, bom.Metadata.Timestamp, bom.SerialNumber)
	}
	if c := bom.Metadata.Component; c.PackageURL != "pkg:rpm/p-upgrade-2.0@2.0-3?arch=x86_64" || (*c.Hashes)[0].Value != sum {
		t.Errorf("%+v", c)
	}
	refs := map[string]bool{}
	var names []string
	for _, c := range *bom.Components {
		names = append(names, c.BOMRef)
		if refs[c.BOMRef] {
			t.Errorf("%s is there twice", c.BOMRef)
		}
		refs[c.BOMRef] = true
	}
	want := "new/a-2:2~rc1+x^y-1.noarch, expected on the host/same-1-1.noarch, old/a-1-1.noarch, file/bin/engine, file/migrations/main/1_expand_x.sql, file/rollback/undo.rpm"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("got %s", got)
	}
	// All but letters, digits and "-._~" is escaped, says purl's specification: a plus too, which other URLs may have.
	if p := (*bom.Components)[0].PackageURL; p != "pkg:rpm/a@2~rc1%2Bx%5Ey-1?arch=noarch&epoch=2" {
		t.Errorf("purl: %s", p)
	}
	modules := *(*bom.Components)[3].Components
	if modules[0].Name != "stdlib" || modules[0].Version == "" { // a test binary does not tell more
		t.Errorf("modules of the engine: %+v", modules)
	}
}

func TestSBOMRefuses(t *testing.T) {
	t.Parallel()
	b := sample(t)
	if _, err := companion.SBOM(b, "abc"); err == nil {
		t.Error("a wrong digest passes")
	}
	b.Files[0].From = "/etc/passwd"
	if _, err := companion.SBOM(b, sum); err == nil {
		t.Error("an engine that is no Go program passes")
	}
}

// The statement is held against the specification's own types and checks.
func TestProvenance(t *testing.T) {
	t.Parallel()
	b := sample(t)
	text, err := companion.Provenance(b, sum, sbom(t, b), "ABCD")
	if err != nil {
		t.Fatal(err)
	}
	var s attestation.Statement
	if err := protojson.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	predicate, err := protojson.Marshal(s.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	var p provenance.Provenance
	if err := protojson.Unmarshal(predicate, &p); err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	var names []string
	for _, d := range p.GetBuildDefinition().GetResolvedDependencies() {
		names = append(names, d.GetName())
	}
	if got := strings.Join(names, " "); got != "bin/engine migrations/main/1_expand_x.sql packages/a-2-1.noarch.rpm rollback/a-1-1.noarch.rpm" {
		t.Errorf("made from %s", got)
	}
	if got := p.GetRunDetails().GetBuilder().GetVersion()["bundler"]; got == "" || got != version.Number() {
		t.Errorf("built by bundler %q", got)
	}
	if s.GetSubject()[0].GetDigest()["sha256"] != sum || s.GetSubject()[1].GetName() != "p-upgrade-2.0.rpm.cdx.json" {
		t.Errorf("subjects: %v", s.GetSubject())
	}
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	digest := sha256.Sum256([]byte("content"))
	for name, content := range map[string][]byte{"f.rpm": []byte("content"), "f.rpm.sha256": companion.Checksum("f.rpm", hex.EncodeToString(digest[:]))} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--strict", "-c", "f.rpm.sha256")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
