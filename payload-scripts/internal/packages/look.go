package packages

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/host"
)

// Check returns all in which the host differs from side: the set in rpm's
// database, and, once that is right, every file, what an interrupted rpm left,
// and files of the other side that no package owns. Files below state paths and
// what else does not count in the proof are left out.
func (s *Set) Check(ctx context.Context, side manifest.Side) ([]Difference, error) {
	found, err := s.check(ctx, side)
	if err != nil {
		return nil, err
	}
	return hard(found), nil
}

func hard(all []Difference) []Difference {
	var found []Difference
	for _, d := range all {
		if !d.soft {
			found = append(found, d)
		}
	}
	return found
}

func (s *Set) check(ctx context.Context, side manifest.Side) ([]Difference, error) {
	found, err := s.Compare(ctx, side)
	if err != nil || len(found) > 0 {
		return found, err
	}
	files, err := s.Files(ctx, side)
	if err != nil {
		return nil, err
	}
	left, err := s.leftovers(ctx, side)
	return append(files, left...), err
}

// Files compares the files on disk with what side's carried packages say, by
// content, type, mode, owner and link target, sorted by path. Differences that
// do not count in the proof are among them.
func (s *Set) Files(ctx context.Context, side manifest.Side) ([]Difference, error) {
	who, err := s.owners()
	if err != nil {
		return nil, err
	}
	want, err := s.expected(side, who)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []Difference
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.NumCPU()))
	for _, e := range want {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			got, attr, err := e.look(filepath.Join(s.Root, e.path))
			if err != nil || got == "" {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, Difference{
				Kind: File, Package: e.pkg, Path: e.path, Got: got, Want: e.String(), Attr: attr, soft: e.soft, own: e.own,
			})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("look at the files of the packages: %w", err)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Path < found[j].Path })
	return found, nil
}

// String tells for people how the file must be.
func (e expectation) String() string {
	if e.absent {
		return "no file, as before the upgrade"
	}
	text := fmt.Sprintf("%s %d:%d", e.mode, e.uid, e.gid)
	switch {
	case e.mode.IsRegular():
		return fmt.Sprintf("%s, %d bytes, %s %s", text, e.size, e.algo, short(e.digest))
	case e.mode&fs.ModeSymlink != 0:
		return "link to " + e.link
	}
	return text
}

// look compares the file at path and says what is different, "" when nothing
// is, and whether that is only its mode or owner.
func (e expectation) look(path string) (got string, attr bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || isNotDir(err) {
		if e.may || e.absent {
			return "", false, nil
		}
		return "it is missing", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if e.absent || info.Mode().Type() != e.mode.Type() {
		return "it is " + info.Mode().String(), false, nil
	}
	if e.mode&fs.ModeSymlink != 0 {
		if e.varies {
			return "", false, nil
		}
		got, err = e.lookLink(path)
		return got, false, err
	}
	if e.mode.IsRegular() && !e.varies {
		if got, err := e.lookContent(path, info); got != "" || err != nil {
			return got, false, err
		}
	}
	has := host.AttrOf(info)
	if e.lax || has.Mode == e.mode&^fs.ModeType && has.UID == e.uid && has.GID == e.gid {
		return "", false, nil
	}
	return fmt.Sprintf("it is %s %d:%d", info.Mode(), has.UID, has.GID), true, nil
}

func (e expectation) lookLink(path string) (string, error) {
	target, err := os.Readlink(path)
	if err != nil || target == e.link {
		return "", err
	}
	return "it is a link to " + target, nil
}

func (e expectation) lookContent(path string, info fs.FileInfo) (string, error) {
	if info.Size() != e.size {
		return fmt.Sprintf("it has %d bytes", info.Size()), nil
	}
	sum, err := digestOf(path, e.algo)
	if err != nil || strings.EqualFold(sum, e.digest) {
		return "", err
	}
	return fmt.Sprintf("its %s is %s", e.algo, short(sum)), nil
}

// digestOf reads a file and returns the hex digest of its content.
func digestOf(path string, algo rpmfile.Algo) (string, error) {
	sum := algo.New()
	if sum == nil {
		return "", fmt.Errorf("%s cannot be checked: %s is not known here", path, algo)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read only
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12] + "..."
	}
	return digest
}
