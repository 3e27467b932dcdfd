package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// project is a jump whose components are large and cannot be compressed.
type project struct {
	dir        string   // that has versions/ and specs/
	components []string // their files
	total      int64    // bytes of all of them
}

const componentSize = 150 * mb

// component builds, once, an RPM of random bytes that are the same in every run.
func component(ctx context.Context, cache string, i int) (string, error) {
	name := fmt.Sprintf("bench%02d", i)
	path := filepath.Join(cache, "noarch", name+"-1-1.noarch.rpm")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	work, err := os.MkdirTemp(cache, "make-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a leftover does no harm
	data := filepath.Join(work, "data")
	if err := randomFile(data, byte(i)); err != nil {
		return "", err
	}
	if err := rpmbuild(ctx, cache, name, []string{data}); err != nil {
		return "", err
	}
	return path, nil
}

func randomFile(path string, seed byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{seed}), componentSize)
	return errors.Join(err, f.Close())
}

// rpmbuild packs files, uncompressed, into <top>/noarch/<name>-1-1.noarch.rpm. They are
// linked into the build root, so that only the packing is measured.
func rpmbuild(ctx context.Context, top, name string, files []string) error {
	work, err := os.MkdirTemp(top, "rpmbuild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a leftover does no harm
	var install bytes.Buffer
	for _, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(&install, "ln '%s' '%%{buildroot}/opt/bench/%s/'\n", abs, name)
	}
	spec := filepath.Join(work, name+".spec")
	text := fmt.Sprintf("Name: %[1]s\nVersion: 1\nRelease: 1\nSummary: A component\nLicense: Apache-2.0\nBuildArch: noarch\n"+
		"%%description\nA component.\n%%install\nmkdir -p '%%{buildroot}/opt/bench/%[1]s'\n%[2]s%%files\n/opt/bench/%[1]s\n", name, install.String())
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return err
	}
	absTop, err := filepath.Abs(top)
	if err != nil {
		return err
	}
	absWork, err := filepath.Abs(work)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+absWork, "--define", "_rpmdir "+absTop,
		"--define", "_binary_payload w.ufdio", "--define", "__os_install_post %{nil}", "--define", "_build_id_links none", spec)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("rpmbuild: %w\n%s", err, out)
	}
	return nil
}

// newProject writes a project whose components have total bytes together, half of
// them of the old release and half of the new one.
func newProject(ctx context.Context, cache, dir string, total int64) (project, error) {
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return project{}, err
	}
	p := project{dir: filepath.Join(dir, strconv.FormatInt(total, 10))}
	n := int(total / componentSize)
	lists := map[string]string{}
	for i := range n {
		fmt.Fprintf(os.Stderr, "component %d of %d\n", i+1, n)
		path, err := component(ctx, cache, i)
		if err != nil {
			return project{}, err
		}
		sum, size, err := digest(path)
		if err != nil {
			return project{}, err
		}
		release := "1.0"
		if i >= n/2 {
			release = "2.0"
		}
		lists[release] += fmt.Sprintf("  - { name: bench%02d, evr: 1-1, arch: noarch, sha256: %s, size: %d }\n", i, sum, size)
		p.components, p.total = append(p.components, path), p.total+size
	}
	source, err := filepath.Abs(filepath.Join(cache, "noarch"))
	if err != nil {
		return project{}, err
	}
	files := map[string]string{
		"versions/product.yaml":      "product: Bench\nprefix: bench-upgrade\nvendor: Bench\nlicense: Apache-2.0\nurl: https://example.org\npostgresql: \"9.5\"\nsource: " + source + "\n",
		"specs/1.0-2.0/upgrade.yaml": "from: 1.0\nto: 2.0\nrevision: 1\nlimits: { window: 60s, lock_timeout: 3s }\n",
	}
	for release, list := range lists {
		files["versions/"+release+".yaml"] = "version: " + release + "\ndate: 2020-01-01\nstatus: supported\nplatforms: [ el7.x86_64 ]\ncomponents:\n" + list
	}
	for name, text := range files {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return project{}, err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return project{}, err
		}
	}
	return p, nil
}

// digest reads a file, which also brings it into the page cache.
func digest(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
