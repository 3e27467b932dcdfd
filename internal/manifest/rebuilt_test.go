package manifest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/stored"
)

// compressed is sample with its package in parts.
func compressed() *manifest.Manifest {
	m := sample()
	for i, f := range m.Files {
		if f.Path == "packages/a-2-1.noarch.rpm" || f.Path == "rollback/a-1-1.noarch.rpm" {
			m.Files[i].Path += ".head"
		}
	}
	m.Files = append(m.Files, manifest.File{Path: "solid/a.zst", Size: 8, SHA256: sum("8"), Mode: 0o644})
	part := func(file, compressor string, head, payload int64) manifest.Rebuilt {
		return manifest.Rebuilt{File: file, Head: file + ".head", Compressor: compressor, PayloadSize: payload, PayloadSHA256: sum("3"), Size: head + stored.Size(compressor, payload), SHA256: sum("4")}
	}
	m.Solid = []manifest.Solid{{File: "solid/a.zst", Packages: []manifest.Rebuilt{
		part("packages/a-2-1.noarch.rpm", "xz", 7, 1<<20), part("rollback/a-1-1.noarch.rpm", "gzip", 6, 70_000),
	}}}
	return m
}

func TestRebuilt(t *testing.T) {
	t.Parallel()
	b := encode(t, compressed())
	m, err := manifest.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, m); !bytes.Equal(b, again) {
		t.Errorf("not the same bytes:\n%s", again)
	}
	s, r := m.Rebuilt("rollback/a-1-1.noarch.rpm")
	if s == nil || r == nil || s.File != "solid/a.zst" || r.Compressor != "gzip" || m.RebuiltSize() != s.Packages[0].Size+r.Size {
		t.Errorf("got %+v, %+v", s, r)
	}
	if s, r := m.Rebuilt(""); s != nil || r != nil {
		t.Errorf("a package without a file is rebuilt: %+v", r)
	}
	if s, r := m.Rebuilt("rollback/undo.rpm"); s != nil || r != nil {
		t.Errorf("a file is rebuilt: %+v", r)
	}
}

func TestRebuiltRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(m *manifest.Manifest)
		want   string
	}{
		"no file":            {func(m *manifest.Manifest) { m.Solid[0].File = "solid/b.zst" }, "not among the files"},
		"nothing in it":      {func(m *manifest.Manifest) { m.Solid[0].Packages = nil }, "0 packages"},
		"twice":              {func(m *manifest.Manifest) { m.Solid = slices.Concat(m.Solid, m.Solid) }, "listed twice"},
		"a package twice":    {func(m *manifest.Manifest) { m.Solid[0].Packages[1] = m.Solid[0].Packages[0] }, "there already"},
		"no package":         {func(m *manifest.Manifest) { m.Solid[0].Packages[0].File = "packages/b.rpm" }, "not a package"},
		"a path that climbs": {func(m *manifest.Manifest) { m.Solid[0].Packages[0].File = "../a.rpm"; m.New[0].File = "../a.rpm" }, "not a package"},
		"a file of the bundle": {func(m *manifest.Manifest) {
			m.Solid[0].Packages[0].File, m.New[0].File = "bin/engine", "bin/engine"
		}, "there already"},
		"no head":            {func(m *manifest.Manifest) { m.Solid[0].Packages[0].Head = "packages/b.head" }, "not among the files"},
		"compressor":         {func(m *manifest.Manifest) { m.Solid[0].Packages[0].Compressor = "bzip2" }, "no stored blocks"},
		"another compressor": {func(m *manifest.Manifest) { m.Solid[0].Packages[0].Compressor = "zstd" }, "not those of its head and its payload"},
		"nothing":            {func(m *manifest.Manifest) { m.Solid[0].Packages[0].PayloadSize = 0 }, "a payload of 0 bytes"},
		"too much":           {func(m *manifest.Manifest) { m.Solid[0].Packages[0].PayloadSize = 1 << 62 }, "a payload of 4611686018427387904 bytes"},
		"size":               {func(m *manifest.Manifest) { m.Solid[0].Packages[0].Size++ }, "not those of its head and its payload"},
		"sha256":             {func(m *manifest.Manifest) { m.Solid[0].Packages[0].SHA256 = "x" }, "is no sha256"},
		"payload's sha256":   {func(m *manifest.Manifest) { m.Solid[0].Packages[1].PayloadSHA256 = "" }, "is no sha256"},
		"package unlisted":   {func(m *manifest.Manifest) { m.New[0].File = "packages/c.rpm" }, "not among the files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := compressed()
			c.change(m)
			if _, err := manifest.Encode(m); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
