package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/rpmpack"
)

// prepare makes a repository of so many small RPMs and one more beside it, with both
// ways' metadata of it, and returns the ways to add the one.
func prepare(ctx context.Context, dir, onemore string, packages int) ([]way, error) {
	repo, splice, extra := filepath.Join(dir, "createrepo"), filepath.Join(dir, "splice"), filepath.Join(dir, "extra")
	for _, d := range []string{repo, splice, extra} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	more, first := filepath.Join(extra, fileName(packages)), []string{onemore, splice}
	for i := range packages {
		first = append(first, filepath.Join(repo, fileName(i)))
	}
	for _, args := range [][]string{
		{"/proc/self/exe", makeArg, repo, "0", strconv.Itoa(packages)},
		{"/proc/self/exe", makeArg, extra, strconv.Itoa(packages), strconv.Itoa(packages + 1)},
		first,
		{"createrepo_c", "--quiet", "--no-database", repo},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", args[0], err, out)
		}
	}
	added := filepath.Join(repo, filepath.Base(more))
	data := filepath.Join(repo, "repodata")
	return []way{
		{
			"`bundler/internal/repodata`", keep(splice),
			[]string{onemore, splice, more}, counts(splice, packages+1),
		},
		{
			"`createrepo_c --update --no-database`", keep(data, func() error { return link(more, added) }),
			[]string{"createrepo_c", "--quiet", "--update", "--no-database", repo}, counts(data, packages+1),
		},
	}, nil
}

const makeArg = "make"

// makeAll makes packages in a process of its own: DIR FROM TO. A child's largest resident
// set is at least what its parent's was, so the one that measures must stay small.
func makeAll(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: make DIR FROM TO")
	}
	from, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	to, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if err := small(args[0], i); err != nil {
			return err
		}
	}
	return nil
}

func version(i int) string  { return fmt.Sprintf("1.0.%d", i) }
func fileName(i int) string { return "bench-upgrade-" + version(i) + "-1.noarch.rpm" }

// small writes a package with twenty files, as the i-th release of its name.
func small(dir string, i int) error {
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "bench-upgrade", Version: version(i), Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: "gzip:1",
		Summary: "From one release to the next", Description: "An upgrade.", Licence: "Apache-2.0", BuildTime: time.Unix(1500000000, 0),
	})
	if err != nil {
		return err
	}
	for n := range 20 {
		r.AddFile(rpmpack.RPMFile{Name: fmt.Sprintf("/var/lib/bench-upgrade/%s/component-%02d.rpm", version(i), n), Body: []byte(version(i)), Mode: 0o100644, Owner: "root", Group: "root"})
	}
	f, err := os.Create(filepath.Join(dir, fileName(i)))
	if err != nil {
		return err
	}
	return errors.Join(r.Write(f), f.Close())
}

func link(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Link(from, to)
}

// keep copies a folder of metadata and returns what brings it back to that, then does the rest.
func keep(dir string, rest ...func() error) func() error {
	saved := dir + ".saved"
	err := os.CopyFS(saved, os.DirFS(dir))
	return func() error {
		if err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.CopyFS(dir, os.DirFS(saved)); err != nil {
			return err
		}
		for _, f := range rest {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
}

// counts checks that the metadata came to have so many packages: of what is in the
// folder, the list that repomd.xml names.
func counts(dir string, want int) func() error {
	return func() error {
		repomd, err := os.ReadFile(filepath.Join(dir, "repomd.xml"))
		if err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(dir, "*-primary.xml.gz"))
		if err != nil {
			return err
		}
		for _, path := range found {
			if !strings.Contains(string(repomd), filepath.Base(path)) {
				continue
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			z, err := gzip.NewReader(f)
			if err != nil {
				return errors.Join(err, f.Close())
			}
			head := make([]byte, 300)
			_, err = io.ReadFull(z, head)
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			if !strings.Contains(string(head), fmt.Sprintf(`packages="%d"`, want)) {
				return fmt.Errorf("%s does not have %d packages", path, want)
			}
			return nil
		}
		return fmt.Errorf("%s has no primary", dir)
	}
}
