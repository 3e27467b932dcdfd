package rebuild_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/packages/rpmtest"
	"onerpm/payload-scripts/internal/rebuild"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(rebuilding); file != "" {
		obey(file)
	}
	rpmtest.Main(m)
}

const (
	oldApp = "rollback/app-1-1.noarch.rpm"
	newApp = "packages/app-2-1.noarch.rpm"
)

// world has a package of each release, compressed together, and the same packages as they were.
func world(t *testing.T, compressor string) (w *rpmtest.World, original map[string][]byte) {
	t.Helper()
	text := strings.Repeat("what both releases have, line 12345\n", 12000)
	w = rpmtest.New(t,
		[]rpmtest.Package{{Name: "app", Version: "1", Compressor: compressor, Files: []rpmtest.File{{Path: "/opt/app/lib", Body: text}, {Path: "/etc/app.conf", Body: "one\n", Config: true}}}},
		[]rpmtest.Package{{Name: "app", Version: "2", Compressor: compressor, Files: []rpmtest.File{{Path: "/opt/app/lib", Body: text + "more\n"}, {Path: "/opt/app/new", Body: "new\n"}}}})
	original = map[string][]byte{}
	for _, file := range []string{oldApp, newApp} {
		data, err := os.ReadFile(filepath.Join(w.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		original[file] = data
	}
	w.Compress(t)
	return w, original
}

func bundle(w *rpmtest.World) rebuild.Bundle {
	return rebuild.Bundle{Manifest: w.Manifest, Dir: w.Dir}
}

// list is what lies below a folder.
func list(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestRPMReadsIt: rpm sees the vendor's header and payload in what was rebuilt, whatever compressed it, and installs it.
func TestRPMReadsIt(t *testing.T) {
	t.Parallel()
	for _, compressor := range []string{"gzip", "xz", "zstd"} {
		t.Run(compressor, func(t *testing.T) {
			t.Parallel()
			w, original := world(t, compressor)
			folder := t.TempDir()
			told := map[string]int64{}
			if err := bundle(w).Packages(t.Context(), folder, []string{oldApp, newApp}, func(file string, n int64) { told[file] += n }); err != nil {
				t.Fatal(err)
			}
			for file, data := range original {
				_, r := w.Manifest.Rebuilt(file)
				if r.Compressor != compressor {
					t.Errorf("%s is compressed with %s", file, r.Compressor)
				}
				made := filepath.Join(folder, file)
				before := filepath.Join(t.TempDir(), "original.rpm")
				if err := os.WriteFile(before, data, 0o600); err != nil {
					t.Fatal(err)
				}
				// Its status is 1 for what rpmpack made, the original too: the archive's size is not the one in the header.
				if got, want := output(t, "sh", "-c", `rpm2cpio "$0"; true`, made), output(t, "sh", "-c", `rpm2cpio "$0"; true`, before); !bytes.Equal(got, want) || len(got) == 0 {
					t.Errorf("%s: a payload of %d bytes, want one of %d", file, len(got), len(want))
				}
				const all = `%{NAME} %{PAYLOADDIGEST} %{SHA256HEADER} [%{FILENAMES} %{FILEDIGESTS}\n]`
				query := []string{"rpm", "-qp", "--nosignature", "--nodigest", "--qf", all}
				if got, want := output(t, append(query, made)...), output(t, append(query, before)...); !bytes.Equal(got, want) {
					t.Errorf("%s: rpm says %s, want %s", file, got, want)
				}
				if told[file] != r.Size {
					t.Errorf("%d bytes of %s were told, it has %d", told[file], file, r.Size)
				}
			}
			w.RPM(t, "-U", "--nosignature", "--nodigest", filepath.Join(folder, oldApp))
			w.RPM(t, "-U", "--nosignature", "--nodigest", filepath.Join(folder, newApp))
			w.RPM(t, "-V", "app")
		})
	}
}

func output(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// TestDamage flips a byte anywhere in what packages are rebuilt of: nothing that was made gets its name.
func TestDamage(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	for _, name := range []string{newApp + ".head", oldApp + ".head", "solid/app.zst"} {
		path := filepath.Join(w.Dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(good); i += max(1, len(good)/60) {
			bad := slices.Clone(good)
			bad[i] ^= 1 << (i % 8)
			damaged(t, w, path, bad, fmt.Sprintf("byte %d of %s", i, name))
		}
		damaged(t, w, path, good[:len(good)-1], name+" cut off")
		damaged(t, w, path, append(slices.Clone(good), 0), name+" with a byte more")
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := bundle(w).Packages(t.Context(), t.TempDir(), []string{oldApp, newApp}, nil); err != nil {
		t.Errorf("the undamaged bundle: %v", err)
	}
}

func damaged(t *testing.T, w *rpmtest.World, path string, bad []byte, what string) {
	t.Helper()
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	err := bundle(w).Packages(t.Context(), folder, []string{oldApp, newApp}, nil)
	if wrong := (*rebuild.DamagedError)(nil); !errors.As(err, &wrong) {
		t.Errorf("%s: %v", what, err)
	}
	if left := list(t, folder); left != "" {
		t.Errorf("%s: there is %s", what, left)
	}
}

// TestWrongManifest: what comes out is compared with each thing that the manifest says of it.
func TestWrongManifest(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	for name, change := range map[string]func(r *manifest.Rebuilt){
		"size smaller":    func(r *manifest.Rebuilt) { r.Size-- },
		"size larger":     func(r *manifest.Rebuilt) { r.Size++ },
		"sha256":          func(r *manifest.Rebuilt) { r.SHA256 = strings.Repeat("a", 64) },
		"payload smaller": func(r *manifest.Rebuilt) { r.PayloadSize -= 4 },
		"payload larger":  func(r *manifest.Rebuilt) { r.PayloadSize += 4 },
		"compressor":      func(r *manifest.Rebuilt) { r.Compressor = "zstd" },
	} {
		for i := range w.Manifest.Solid[0].Packages {
			r := &w.Manifest.Solid[0].Packages[i]
			was := *r
			change(r)
			folder := t.TempDir()
			if err := bundle(w).Packages(t.Context(), folder, []string{oldApp, newApp}, nil); err == nil || list(t, folder) != "" {
				t.Errorf("%s of package %d: %v, and there is %q", name, i, err, list(t, folder))
			}
			*r = was
		}
	}
}

// TestNoEnd: a stream that would go on for ever takes no more of the disk than the manifest says.
func TestNoEnd(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	path := filepath.Join(w.Dir, "solid/app.zst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	record := append([]byte{0, 0, 1, 0, 0}, make([]byte, 1<<16)...) // a piece of 64 KiB of payload 0, as others are
	for range 8192 {                                                // of which each takes a few bytes
		if err == nil {
			_, err = z.Write(record)
		}
	}
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	var told int64
	err = bundle(w).Packages(t.Context(), folder, []string{oldApp, newApp}, func(_ string, n int64) { told += n })
	if wrong := (*rebuild.DamagedError)(nil); !errors.As(err, &wrong) || list(t, folder) != "" {
		t.Errorf("%v, and there is %q", err, list(t, folder))
	}
	if most := w.Manifest.RebuiltSize(); told > most || told < 256<<10 {
		t.Errorf("%d bytes were written, the manifest says %d", told, most)
	}
}

// TestStopped is stopped at each thing that is told, as a kill would, and goes on or begins anew.
func TestStopped(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	folder := t.TempDir()
	stopped := errors.New("stopped")
	for at := 0; ; at++ {
		ctx, stop := context.WithCancelCause(t.Context())
		n := 0
		err := bundle(w).Packages(ctx, folder, []string{oldApp, newApp}, func(string, int64) {
			if n++; n > at {
				stop(stopped)
			}
		})
		stop(nil)
		if err == nil {
			break
		}
		if !errors.Is(err, stopped) || list(t, folder) != "" {
			t.Fatalf("stopped at %d: %v, and there is %q", at, err, list(t, folder))
		}
		// What a kill leaves: a part under the name that it has while it is made.
		if err := os.WriteFile(filepath.Join(folder, newApp)+"~", bytes.Repeat([]byte("x"), 3<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if at > 200 {
			t.Fatal("it never ends")
		}
	}
	if got := list(t, folder); got != newApp+" "+oldApp {
		t.Errorf("there is %s", got)
	}
}

// TestGoesOn: what is whole stays as it is, what is not is made again, what nobody wants is not made.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	folder := t.TempDir()
	want := func(made string, files ...string) {
		t.Helper()
		told := map[string]bool{}
		if err := bundle(w).Packages(t.Context(), folder, files, func(file string, _ int64) { told[file] = true }); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range []string{newApp, oldApp} {
			if told[file] {
				got = append(got, file)
			}
		}
		if strings.Join(got, " ") != made {
			t.Errorf("made %v, want %q", got, made)
		}
	}
	want(newApp, newApp, "packages/other.rpm")
	want("", newApp)
	want(oldApp, newApp, oldApp)
	for i, harm := range []func(path string) error{
		func(path string) error { return os.Truncate(path, 10) },
		func(path string) error { return os.WriteFile(path, nil, 0o600) },
		func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1, 2, 3}, 1000)
			return errors.Join(err, f.Close())
		},
	} {
		if err := harm(filepath.Join(folder, oldApp)); err != nil {
			t.Fatal(i, err)
		}
		want(oldApp, newApp, oldApp)
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	w, original := world(t, "")
	for file, data := range original {
		_, _, payload := rpmtest.Split(t, data)
		var got []byte
		err := bundle(w).Payload(t.Context(), file, func(r io.Reader) (err error) {
			got, err = io.ReadAll(r)
			return err
		})
		if err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%s: %d bytes, %v", file, len(got), err)
		}
		mine := errors.New("mine")
		err = bundle(w).Payload(t.Context(), file, func(r io.Reader) error {
			_, err := io.ReadFull(r, make([]byte, 100))
			return errors.Join(err, mine)
		})
		if !errors.Is(err, mine) {
			t.Errorf("%s: %v", file, err)
		}
		if err := bundle(w).Payload(t.Context(), file, func(io.Reader) error { return nil }); err != nil {
			t.Errorf("%s: nothing is read: %v", file, err)
		}
	}
	if err := bundle(w).Payload(t.Context(), "packages/other.rpm", func(io.Reader) error { return nil }); err == nil {
		t.Error("a package that is not there was read")
	}
	if err := os.Truncate(filepath.Join(w.Dir, "solid/app.zst"), 60); err != nil {
		t.Fatal(err)
	}
	err := bundle(w).Payload(t.Context(), oldApp, func(r io.Reader) error { _, err := io.ReadAll(r); return err })
	if wrong := (*rebuild.DamagedError)(nil); !errors.As(err, &wrong) {
		t.Errorf("a file that is cut off: %v", err)
	}
}

// TestFullDisk: a package that does not fit is not begun, and nothing is left of it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w, _ := world(t, "")
	_, r := w.Manifest.Rebuilt(newApp)
	r.Size = 1 << 60
	folder := t.TempDir()
	err := bundle(w).Packages(t.Context(), folder, []string{newApp}, nil)
	if err == nil || !strings.Contains(err.Error(), "disk space for ") || list(t, folder) != "" {
		t.Errorf("%v, and there is %q", err, list(t, folder))
	}
}
