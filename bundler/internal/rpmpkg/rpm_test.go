package rpmpkg_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	rpmutils "github.com/sassoftware/go-rpmutils"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
)

// rpmSays asks rpm itself.
func rpmSays(t *testing.T, pkg []byte, format string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "p.rpm")
	if err := os.WriteFile(file, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("rpm", "--dbpath", dir, "-qp", "--nosignature", "--qf", format, file)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rpm -qp: %v\n%s", err, stderr.Bytes())
	}
	return strings.ReplaceAll(string(out), "(none)", "")
}

// contents says what rpm finds in the payload: paths and, of files, the content's digest.
func contents(t *testing.T, pkg []byte) map[string]string {
	t.Helper()
	cmd := exec.Command("rpm2archive", "-")
	cmd.Stdin = bytes.NewReader(pkg)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rpm2archive: %v", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		clean := func(name string) string { return "/" + strings.Trim(strings.TrimPrefix(name, "."), "/") }
		switch h.Typeflag {
		case tar.TypeReg:
			found[clean(h.Name)] = digest(t, r)
		case tar.TypeLink:
			found[clean(h.Name)] = found[clean(h.Linkname)]
		default:
			found[clean(h.Name)] = ""
		}
	}
}

// unpacked says what go-rpmutils finds in the payload.
func unpacked(t *testing.T, pkg []byte) map[string]string {
	t.Helper()
	r, err := rpmutils.ReadRpm(bytes.NewReader(pkg))
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.PayloadReaderExtended()
	if err != nil {
		t.Fatal(err)
	}
	found, links := map[string]string{}, map[int][]string{} // by inode, those before the one with the content
	for {
		f, err := p.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case p.IsLink():
			links[f.Inode()] = append(links[f.Inode()], f.Name())
		case f.Mode()&0o170000 == 0o100000:
			found[f.Name()] = digest(t, p)
			for _, name := range links[f.Inode()] {
				found[name] = found[f.Name()]
			}
		default:
			found[f.Name()] = ""
		}
	}
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestAsRPM holds the guard, the libraries and rpm itself together, over packages with every
// payload, of format 6, and such as say little.
func TestAsRPM(t *testing.T) {
	t.Parallel()
	packages := map[string]func() []byte{
		"rpmpack":  func() []byte { return samplerpm.Packed(t) },
		"format 6": func() []byte { return format6(t) },
		"nothing":  func() []byte { return file(header(63, identity...), nil) },
		"dependencies with names only": func() []byte {
			return file(header(63, append(identity[:5:5], entry{1049, []string{"a", "b"}}, entry{5052, []string{"s"}})...), nil)
		},
		"one suggestion, two supplements": func() []byte {
			return file(header(63, append(identity[:5:5], entry{5049, []string{"a"}}, entry{5050, []string{"1"}}, entry{5051, []uint32{2}},
				entry{5052, []string{"b", "c"}}, entry{5053, []string{"2", "3"}}, entry{5054, []uint32{4, 8}})...), nil)
		},
		"files with names only": func() []byte {
			return file(header(63, append(identity[:5:5], entry{1116, []uint32{0}}, entry{1117, []string{"a"}}, entry{1118, []string{"/"}})...), nil)
		},
	}
	for name, payload := range payloads {
		packages[name] = func() []byte { return built(t, spec, payload) }
	}
	for name, make := range packages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pkg := make()
			p, err := rpmpkg.Read(bytes.NewReader(pkg))
			if err != nil {
				t.Fatal(err)
			}
			asGuard(t, p)
			for _, c := range []struct{ what, got, format string }{
				{"identity", fmt.Sprintln(p.Lib.Name(), p.Lib.Epoch(), p.Lib.Version(), p.Lib.Release(), p.Lib.Architecture()), "%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH}\n"},
				{"files", files(p), "[%{FILENAMES}|%{FILEMODES:octal}|%{LONGFILESIZES}|%{FILEDIGESTS}|%{FILEFLAGS}|%{FILEUSERNAME}|%{FILEGROUPNAME}|%{FILELINKTOS}|%{FILEMTIMES}|%{FILECAPS}|%{FILEDEVICES}|%{FILEINODES}\n]"},
				{"dependencies", dependencies(p), "[%{PROVIDENAME}|%{PROVIDEFLAGS}|%{PROVIDEVERSION}\n][%{REQUIRENAME}|%{REQUIREFLAGS}|%{REQUIREVERSION}\n]" +
					"[%{OBSOLETENAME}|%{OBSOLETEFLAGS}|%{OBSOLETEVERSION}\n][%{CONFLICTNAME}|%{CONFLICTFLAGS}|%{CONFLICTVERSION}\n]" +
					"[%{RECOMMENDNAME}|%{RECOMMENDFLAGS}|%{RECOMMENDVERSION}\n][%{SUGGESTNAME}|%{SUGGESTFLAGS}|%{SUGGESTVERSION}\n]" +
					"[%{SUPPLEMENTNAME}|%{SUPPLEMENTFLAGS}|%{SUPPLEMENTVERSION}\n][%{ENHANCENAME}|%{ENHANCEFLAGS}|%{ENHANCEVERSION}\n]"},
				{"scriptlets", scriptlets(p), "%|PREIN?{pre|%{PREIN}|[%{PREINPROG}]\n}|%|POSTINPROG?{post|%{POSTIN}|[%{POSTINPROG}]\n}|%|PREUN?{preun|%{PREUN}|[%{PREUNPROG}]\n}|" +
					"%|POSTUN?{postun|%{POSTUN}|[%{POSTUNPROG}]\n}|%|POSTTRANS?{posttrans|%{POSTTRANS}|[%{POSTTRANSPROG}]\n}|" +
					"%|TRIGGERSCRIPTS?{trigger|[%{TRIGGERSCRIPTS}]|[%{TRIGGERSCRIPTPROG}]|[%{TRIGGERNAME}]|[%{TRIGGERVERSION}]\n}|"},
				{"texts", fmt.Sprintln(p.Text(rpmpkg.TagSummary), p.Text(rpmpkg.TagDescription), p.Lib.License(), p.Lib.Vendor(), p.Lib.URL(), p.Lib.SourceRPM(), p.Lib.PayloadCompression()),
					"%{SUMMARY} %{DESCRIPTION} %{LICENSE} %{VENDOR} %{URL} %{SOURCERPM} %{PAYLOADCOMPRESSOR}\n"},
				{"size", fmt.Sprintln(p.InstalledSize()), "%{LONGSIZE}\n"},
				{"verify flags", lines(p.Ints(rpmfile.TagFileVerifyFlags)), "[%{FILEVERIFYFLAGS}\n]"},
			} {
				if got, want := zeroLeftOut(c.got), zeroLeftOut(rpmSays(t, pkg, c.format)); got != want {
					t.Errorf("%s: got\n%s\nrpm says\n%s", c.what, got, want)
				}
			}
			if p.Lib.PayloadFormat() == "" {
				return // there is no payload
			}
			want := contents(t, pkg)
			if name == "format 6" { // go-rpmutils begins two bytes too early in it
				z, err := gzip.NewReader(bytes.NewReader(pkg[p.PayloadOffset:]))
				if err != nil {
					t.Fatal(err)
				}
				if got := readNumbered(t, p, z); !maps.Equal(got, want) {
					t.Errorf("payload: got\n%v\nrpm unpacks\n%v", got, want)
				}
				return
			}
			if got := unpacked(t, pkg); !maps.Equal(got, want) {
				t.Errorf("payload: got\n%v\nrpm unpacks\n%v", got, want)
			}
		})
	}
}

// readNumbered returns what contents does, of an archive without names.
func readNumbered(t *testing.T, p *rpmpkg.Package, r io.Reader) map[string]string {
	t.Helper()
	found, links := map[string]string{}, []string(nil)
	for a := rpmpkg.NewArchive(p.Files(), r); ; {
		m, err := a.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(m.Name, ".")
		switch {
		case m.Mode&cpio.KindMask != cpio.KindFile:
			found[name] = ""
		case m.Size == 0: // the content comes with the next name
			links = append(links, name)
		default:
			found[name] = digest(t, a)
			for _, link := range links {
				found[link] = found[name]
			}
			links = nil
		}
	}
}

// zeroLeftOut takes zeros out of lines of fields: rpm says nothing where the header has no list, we say 0.
func zeroLeftOut(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		for i, f := range fields {
			if f == "0" {
				fields[i] = ""
			}
		}
		b.WriteString(strings.Join(fields, "|") + "\n")
	}
	return b.String()
}

func lines(numbers []int64) string {
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}

func files(p *rpmpkg.Package) string {
	var b strings.Builder
	for _, f := range p.Files() {
		fmt.Fprintf(&b, "%s|%o|%d|%s|%d|%s|%s|%s|%d|%s|%d|%d\n", f.Path, f.Mode, f.Size, f.Digest, f.Flags, f.User, f.Group, f.LinkTo, f.MTime.Unix(), f.Caps, f.Device, f.Inode)
	}
	return b.String()
}

func dependencies(p *rpmpkg.Package) string {
	var b strings.Builder
	for _, list := range [][]rpmpkg.Dep{
		p.Provides(), p.Requires(), p.Obsoletes(), p.Conflicts(), p.Recommends(), p.Suggests(), p.Supplements(), p.Enhances(),
	} {
		for _, d := range list {
			fmt.Fprintf(&b, "%s|%d|%s\n", d.Name, d.Flags, d.EVR)
		}
	}
	return b.String()
}

func scriptlets(p *rpmpkg.Package) string {
	var b strings.Builder
	for _, s := range p.Scriptlets() {
		fmt.Fprintf(&b, "%s|%s|%s\n", s.Kind, s.Body, s.Interpreter[0])
	}
	for _, tr := range p.Triggers() {
		fmt.Fprintf(&b, "trigger|%s|%s|%s|%s\n", tr.Body, tr.Interpreter[0], tr.Targets[0].Name, tr.Targets[0].EVR)
	}
	return b.String()
}
