// Package release tests what another company gets of the bundler: its packages, archives and make install, each installed
// as they would, and made in two places.
package release

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onerpm/test/docs"
	"onerpm/test/need"
)

const checkout = "../.."

// place is a copy of the project, as a fresh clone: without anything that was built.
type place struct {
	t   *testing.T
	dir string
	env []string
}

func clone(t *testing.T, dir string, env ...string) place {
	t.Helper()
	docs.CopyProject(t, checkout, dir)
	if err := os.RemoveAll(dir + "/bundler/internal/engine/built/engine.zst"); err != nil {
		t.Fatal(err)
	}
	clean := slices.DeleteFunc(os.Environ(), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return strings.HasPrefix(name, "BUNDLER_") || strings.HasPrefix(name, "MAKE") || name == "MFLAGS" || name == "SOURCE_DATE_EPOCH"
	})
	return place{t, dir, append(clean, env...)}
}

// run runs a script there.
func (p place) run(script string) (said string, err error) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p place) must(script string) string {
	p.t.Helper()
	said, err := p.run(script)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, said)
	}
	return said
}

// installed looks at a bundler that was installed below a root, with what belongs to it.
func (p place) installed(root, prefix, completions string) {
	p.t.Helper()
	program := root + prefix + "/bin/bundler"
	var v struct{ Version, Engine string }
	if err := json.Unmarshal([]byte(p.must(program+" --version --json")), &v); err != nil {
		p.t.Fatal(err)
	}
	engine, err := os.ReadFile(p.dir + "/dist/engine")
	if err != nil {
		p.t.Fatal(err)
	}
	sum := sha256.Sum256(engine)
	if v.Engine != hex.EncodeToString(sum[:]) || v.Version != p.version() {
		p.t.Errorf("%s is %+v, want %s with engine %x", program, v, p.version(), sum)
	}
	page := root + prefix + "/share/man/man1/bundler.1*"
	if said := p.must("MANPAGER=cat LC_ALL=C man --warnings -l " + page); !strings.Contains(said, "bundler build [option...] JUMP") || !strings.Contains(said, v.Version) || strings.Contains(said, "warning") {
		p.t.Errorf("%s:\n%s", page, said)
	}
	ask := `. ` + root + prefix + `/share/bash-completion/completions/bundler; COMP_WORDS=(x diff ""); COMP_CWORD=2; _bundler ` + program + `; echo ${COMPREPLY[*]}`
	if said := p.must(ask); strings.TrimSpace(said) != "3.4.2-4.0.1 4.0.1-4.1.1 4.1.1-4.2.0" {
		p.t.Errorf("%s completes to %q", program, said)
	}
	for _, f := range []string{completions, "fish/vendor_completions.d/bundler.fish"} {
		if info, err := os.Stat(root + prefix + "/share/" + f); err != nil || info.Mode() != 0o644 {
			p.t.Errorf("%s: %v, %v", f, info, err)
		}
	}
}

// version is what stands in CHANGELOG.md: the newest release, with what tells that there is more.
func (p place) version() string {
	p.t.Helper()
	text, err := os.ReadFile(p.dir + "/CHANGELOG.md")
	if err != nil {
		p.t.Fatal(err)
	}
	number, more := "0.0.0", ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "##" {
			continue
		}
		if words[1] != "Unreleased" {
			number = words[1]
			break
		}
		more = "+unreleased"
	}
	return number + more
}

// TestRelease makes a release in two places, which differ in all that should not matter, and installs it.
func TestRelease(t *testing.T) {
	t.Parallel()
	need.Time(t)
	need.Root(t)
	for _, program := range []string{"bash", "dpkg", "gpg", "man", "rpm"} {
		need.Program(t, program)
	}
	dir := t.TempDir()
	p := clone(t, dir+"/a")
	t.Run("without an engine", func(t *testing.T) {
		said, err := place{t, p.dir, p.env}.run("go build -o ../bare ./bundler && ../bare --version && ../bare build 4.1.1-4.2.0 --output ../none")
		if err == nil || !strings.Contains(said, "engine      none") || !strings.Contains(said, "built without an engine\n  hint: build the bundler with make bundler, or name an engine with --engine FILE") {
			t.Errorf("%v\n%s", err, said)
		}
	})
	if said, err := p.run("make release"); err == nil || !strings.Contains(said, "make release KEY=FILE") {
		t.Errorf("without a key: %v\n%s", err, said)
	}
	p.must("make release KEY=test/keys/demo.key.asc")
	q := clone(t, dir+"/another place with a longer name", "TZ=Pacific/Kiritimati", "LC_ALL=C.UTF-8", "GOMAXPROCS=1", "HOSTNAME=elsewhere")
	q.must("umask 077; make release KEY=test/keys/demo.key.asc")
	if said := p.must("diff -r dist/release '" + q.dir + "/dist/release' && ls dist/release | wc -l"); strings.TrimSpace(said) != "8" {
		t.Errorf("%s files in the release", said)
	}

	version := p.version()
	gpg := docs.GPGHome(t, dir)
	p.env = append(p.env, "GNUPGHOME="+gpg)
	p.must("cp test/keys/demo.pub.asc dist/release/bundler.pub.asc")
	page, err := os.ReadFile(p.dir + "/docs/installing.md")
	if err != nil {
		t.Fatal(err)
	}
	document, err := docs.Read("docs/installing.md", string(page))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, b := range document.Blocks {
		if b.How == "TestRelease" {
			tried++
			said := p.must("cd dist/release\n" + b.Text)
			if strings.Count(said, ": OK\n") != 6 {
				t.Errorf("%s: not all six files are compared:\n%s", b, said)
			}
		}
	}
	if tried != 1 {
		t.Errorf("%d blocks of docs/installing.md were tried", tried)
	}
	if said, err := p.run("cd dist/release && sed s/bundler/other/ SHA256SUMS | gpg --batch --verify SHA256SUMS.asc -"); err == nil {
		t.Errorf("a changed list passes:\n%s", said)
	}
	for _, kind := range []struct{ name, prefix, completions, install string }{
		{"deb", "/usr", "zsh/vendor-completions/_bundler", "mkdir -p $root/var/lib/dpkg/updates $root/var/lib/dpkg/info && touch $root/var/lib/dpkg/status && " +
			"dpkg --root=$root --install dist/release/onerpm-bundler_" + version + "_amd64.deb && [ -z \"$(dpkg --root=$root --verify onerpm-bundler)\" ] && dpkg --root=$root --audit"},
		{"rpm", "/usr", "zsh/site-functions/_bundler", "rpmkeys --root=$root --import test/keys/demo.pub.asc && " +
			"rpm --root=$root -K dist/release/onerpm-bundler-" + version + "-1.x86_64.rpm | grep 'digests signatures OK' && " +
			"rpm --root=$root --install dist/release/onerpm-bundler-" + version + "-1.x86_64.rpm && rpm --root=$root --verify onerpm-bundler"},
		{"archive", "/bundler-" + version + "-linux-amd64", "zsh/site-functions/_bundler", "tar -C $root -xzf dist/release/bundler-" + version + "-linux-amd64.tar.gz"},
		{"make", "/opt/x", "zsh/site-functions/_bundler", "make install DESTDIR=$root PREFIX=/opt/x"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			root := filepath.Join(dir, kind.name)
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			at := place{t, p.dir, p.env}
			at.must("root=" + root + "; " + kind.install)
			at.installed(root, kind.prefix, kind.completions)
			if kind.name == "make" {
				return // it is no package
			}
			for _, doc := range []string{"copyright", "third-party-licenses.gz", "changelog.gz"} {
				if said := at.must("f=" + root + kind.prefix + "/share/doc/onerpm-bundler/" + doc + "; zcat -f $f"); len(said) < 500 {
					t.Errorf("%s has %d bytes", doc, len(said))
				}
			}
		})
	}
	t.Run("arm64", func(t *testing.T) {
		root := filepath.Join(dir, "arm")
		at := place{t, p.dir, p.env}
		at.must("mkdir -p " + root + "/d " + root + "/r && dpkg-deb -x dist/release/*_arm64.deb " + root + "/d && cd " + root + "/r && rpm2cpio " + p.dir + "/dist/release/*.aarch64.rpm | cpio -idm --quiet --no-absolute-filenames")
		if said := at.must("rpm2cpio dist/release/*.aarch64.rpm | cpio -t --quiet | sed /^[.].usr./d"); said != "" {
			t.Errorf("rpm2cpio | cpio -i would write these elsewhere than into its folder:\n%s", said)
		}
		one, err := os.ReadFile(root + "/d/usr/bin/bundler")
		if err != nil {
			t.Fatal(err)
		}
		if two, err := os.ReadFile(root + "/r/usr/bin/bundler"); err != nil || !bytes.Equal(one, two) {
			t.Errorf("DEB and RPM have other programs (%v)", err)
		}
		f, err := elf.NewFile(bytes.NewReader(one))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != elf.EM_AARCH64 || slices.ContainsFunc(f.Progs, func(s *elf.Prog) bool { return s.Type == elf.PT_INTERP }) {
			t.Errorf("it is for %s, or not static", f.Machine)
		}
	})
	t.Run("its bundle", func(t *testing.T) {
		at := place{t, p.dir, append(slices.Clone(p.env), "PATH="+dir+"/deb/usr/bin:"+os.Getenv("PATH"))}
		at.must("go run ./test/product/components --out dist/components 4.1.1 4.2.0 && " +
			"bundler build 4.1.1-4.2.0 --output ../embedded && bundler build 4.1.1-4.2.0 --output ../named --engine dist/engine && diff -r ../embedded ../named")
		if text, err := os.ReadFile(dir + "/embedded/cloudify-upgrade-4.2.0.rpm.intoto.json"); err != nil || !bytes.Contains(text, []byte(`"version":{"bundler":"`+version+`"}`)) && !bytes.Contains(text, []byte(`"bundler": "`+version+`"`)) {
			t.Errorf("the provenance does not say which bundler it was (%v):\n%s", err, text)
		}
	})
}
