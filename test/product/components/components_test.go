package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"onerpm/test/product/internal/product"
)

// One build for all tests, in a folder of its own.
var out string

func TestMain(m *testing.M) {
	code := 1
	var err error
	if out, err = os.MkdirTemp("", "components-test-"); err == nil {
		if err = run(context.Background(), []string{"--out", out}, os.Stderr); err == nil {
			code = m.Run()
		}
		if rmErr := os.RemoveAll(out); err == nil {
			err = rmErr
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// What versions/*.yaml say of the components is what the sources give. After a change of the demo
// product it fails until `go run ./test/product/components --lock` was run.
func TestDigestsStandInVersions(t *testing.T) {
	t.Parallel()
	for _, r := range product.Releases() {
		path := filepath.Join("..", "..", "..", "versions", r.Version+".yaml")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := readStamp(filepath.Join(out, ".built-"+r.Version))
		if err != nil {
			t.Fatal(err)
		}
		fresh := filepath.Join(t.TempDir(), "release.yaml")
		if err := os.WriteFile(fresh, before, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := lockRelease(fresh, s.Files); err != nil {
			t.Fatal(err)
		}
		if after, err := os.ReadFile(fresh); err != nil || !bytes.Equal(before, after) {
			t.Errorf("versions/%s.yaml is not what the components are (%v): go run ./test/product/components --lock", r.Version, err)
		}
		if strings.Count(string(before), "- name:") != len(s.Files) {
			t.Errorf("versions/%s.yaml does not name the %d components", r.Version, len(s.Files))
		}
	}
}

// Two builds that share nothing but the sources give the same bytes.
func TestSameBytes(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	t.Setenv("TZ", "Pacific/Auckland")
	t.Setenv("GOMAXPROCS", "1")
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("LANG", "de_DE.UTF-8")
	again := t.TempDir()
	if err := run(t.Context(), []string{"--out", again, "4.1.1"}, t.Output()); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(again + "/4.1.1/*.rpm")
	if err != nil || len(found) != 9 {
		t.Fatalf("%d packages (%v)", len(found), err)
	}
	for _, path := range found {
		a, _, err := digest(path)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := digest(filepath.Join(out, "4.1.1", filepath.Base(path)))
		if err != nil || a != b {
			t.Errorf("%s differs (%v)", filepath.Base(path), err)
		}
	}
}

// A second run does nothing; a damaged or missing package is made again.
func TestOnlyWhatLacksIsBuilt(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	build := func() string {
		var said bytes.Buffer
		if err := run(t.Context(), []string{"--out", dir, "4.0.1"}, &said); err != nil {
			t.Fatal(err)
		}
		return said.String()
	}
	if said := build(); !strings.Contains(said, "up to date") {
		t.Error(said)
	}
	victim := dir + "/4.0.1/cloudify-agents-4.0.1-ga.noarch.rpm"
	if err := os.Truncate(victim, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/4.0.1/cloudify-old-1-1.noarch.rpm", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if said := build(); !strings.Contains(said, "8 packages built") {
		t.Error(said)
	}
	if _, err := os.Stat(dir + "/4.0.1/cloudify-old-1-1.noarch.rpm"); !os.IsNotExist(err) {
		t.Error("a package that no build makes is still there")
	}
}

// rpm itself takes the packages: whole, the obsoleting and the backward one too.
// The scriptlets are left out: they would work on this machine's own folders.
func TestInstallAndUpgrade(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rpm := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "rpm", append([]string{"--root", root, "--dbpath", "/var/lib/rpm"}, args...)...)
		b, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("rpm %s: %v\n%s", args[0], err, b)
		}
		return string(b)
	}
	set := func(release string) []string {
		found, err := filepath.Glob(filepath.Join(out, release, "*.rpm"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no packages of %s (%v)", release, err)
		}
		return found
	}
	for _, r := range product.Releases() {
		for _, path := range set(r.Version) {
			if said := rpm("-Kv", path); !strings.Contains(said, "Header SHA256 digest: OK") || !strings.Contains(said, "Payload SHA256 digest: OK") {
				t.Errorf("%s: %s", path, said)
			}
		}
	}
	rpm(append([]string{"-U", "--nodeps", "--noscripts"}, set("4.1.1")...)...)
	if said := rpm("-Va", "--nodeps"); said != "" {
		t.Errorf("rpm -V: %s", said)
	}
	info, err := os.Stat(root + "/usr/libexec/cloudify-mgmtworker/agent-runner")
	if err != nil || info.Mode() != fs.ModeSetuid|0o750 {
		t.Errorf("agent-runner: %v (%v)", info.Mode(), err)
	}
	rpm(append([]string{"-U", "--nodeps", "--noscripts", "--oldpackage", "--replacepkgs"}, set("4.2.0")...)...)
	installed := rpm("-qa", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}\n")
	for _, want := range []string{"cloudify-composer-4.2.0-ga", "cloudify-amqp-influx-4.2.0-ga", "cloudify-stage-17.11.20-community"} {
		if !strings.Contains(installed, want+"\n") {
			t.Errorf("%s is not installed:\n%s", want, installed)
		}
	}
	if strings.Contains(installed, "blueprint-composer") {
		t.Error("what cloudify-composer obsoletes is still there")
	}
}
