package platforms

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the package in odd.spec makes on a machine.
const (
	oddUser   = "cfyodd"
	oddFolder = "/var/lib/cloudify-odd"
)

//go:embed odd.spec
var oddSpec string

// buildOdd builds the bundle with one package more in the new release, which has what packages of newer distributions have and the
// product's have not. It returns the bundle's path.
func buildOdd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const project = "../.."
	for _, folder := range []string{"versions", "specs", "test/keys"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(project, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, release := range []string{from, to} {
		folder := filepath.Join("dist/components", release)
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		packages, err := filepath.Glob(filepath.Join(project, folder, "*.rpm"))
		if err != nil || len(packages) == 0 {
			t.Fatalf("no components of %s: %v; build them with: make components", release, err)
		}
		for _, p := range packages {
			p, err := filepath.Abs(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(p, filepath.Join(dir, folder, filepath.Base(p))); err != nil {
				t.Fatal(err)
			}
		}
	}
	spec := filepath.Join(dir, "odd.spec")
	if err := os.WriteFile(spec, []byte(oddSpec), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "rpmbuild", "--quiet", "-bb", "--define", "_topdir "+dir+"/top", "--define", "_rpmdir "+dir+"/dist/components", "--define", "_build_name_fmt "+to+"/%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", spec)
	body, err := os.ReadFile(filepath.Join(dir, "dist/components", to, "cloudify-odd-"+to+"-ga.noarch.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "versions", to+".yaml"), "components:\n", fmt.Sprintf("components:\n  - name: cloudify-odd\n    evr: %s-ga\n    arch: noarch\n    sha256: %x\n    size: %d\n", to, sha256.Sum256(body), len(body)))
	edit(t, filepath.Join(dir, "specs", from+"-"+to, "upgrade.yaml"), "  keep:\n", "  keep:\n    cloudify-odd-"+to+`-ga:
      pretrans: makes a folder of its own
      posttrans: makes a folder of its own
      filetriggerin: makes a folder of its own
      transfiletriggerin: makes a folder of its own
`)
	bin, err := filepath.Abs(project + "/dist")
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, bin+"/bin/bundler", "build", from+"-"+to, "--engine", bin+"/engine")
	return filepath.Join(dir, "dist", filepath.Base(bundle))
}

// edit replaces the first place of a text in a file.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
