package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestRebuilt goes there and back with packages that the bundle carries compressed together, of each compressor.
func TestRebuilt(t *testing.T) {
	t.Parallel()
	for _, compressor := range []string{"gzip", "xz", "zstd"} {
		t.Run(compressor, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat("what both releases have\n", 9000)
			app := func(version, text string) rpmtest.Package {
				return rpmtest.Package{Name: "app", Version: version, Compressor: compressor, Files: []rpmtest.File{body("/opt/app/lib", text), body("/opt/app/"+version, version), {Path: "/etc/app.conf", Body: version, Config: true}}}
			}
			w := rpmtest.New(t,
				[]rpmtest.Package{app("1", text), {Name: "gone", Version: "1", Compressor: compressor, Files: []rpmtest.File{body("/opt/app/gone", text)}}},
				[]rpmtest.Package{app("2", text+"2\n"), {Name: "come", Version: "1", Compressor: compressor, Files: []rpmtest.File{body("/opt/app/come", text)}}})
			w.Install(t)
			w.Compress(t)
			if err := w.Manifest.Validate(); err != nil && !strings.Contains(err.Error(), "date") {
				t.Fatal(err)
			}
			s := setOf(t, w)
			if err := s.Verify(t.Context(), manifest.New); err == nil {
				t.Error("packages are right that are not there")
			}
			if err := s.Rebuild(t.Context(), nil, manifest.Old, manifest.New); err != nil {
				t.Fatal(err)
			}
			recorded(t, s)
			to(t, s, manifest.New)
			right(t, s, manifest.New)
			if got := w.RPM(t, "-V", "app", "come"); got != "" {
				t.Errorf("rpm -V: %s", got)
			}
			to(t, s, manifest.Old)
			right(t, s, manifest.Old)
			if got := w.RPM(t, "-V", "app", "gone"); got != "" {
				t.Errorf("rpm -V: %s", got)
			}
		})
	}
}

// TestDamagedRebuilt: rpm gets no package in which a byte was changed since it was rebuilt.
func TestDamagedRebuilt(t *testing.T) {
	t.Parallel()
	old, new := rpmtest.Package{Name: "app", Version: "1", Files: []rpmtest.File{body("/opt/app/a", "1")}}, rpmtest.Package{Name: "app", Version: "2", Files: []rpmtest.File{body("/opt/app/a", "2")}}
	w := rpmtest.New(t, []rpmtest.Package{old}, []rpmtest.Package{new})
	w.Install(t)
	w.Compress(t)
	s := setOf(t, w)
	if err := s.Rebuild(t.Context(), nil, manifest.New); err != nil {
		t.Fatal(err)
	}
	path := s.Path("packages/app-2-1.noarch.rpm")
	if filepath.Dir(filepath.Dir(path)) != filepath.Join(w.Dir, "rebuilt") {
		t.Errorf("it is %s", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-30] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Converge(t.Context(), manifest.New, Options{}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("got %v", err)
	}
	right(t, s, manifest.Old)
}
