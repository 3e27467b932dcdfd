package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"onerpm/bundler/internal/exit"
)

// inPlace verifies a file in a folder. It is used where it is: a copy would only
// cost time and space.
func (f *fetcher) inPlace(ctx context.Context, it Item, t target, path string) (File, error) {
	got, err := f.readLocal(ctx, it, path, t.sum)
	defer got.close()
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, exit.Errorf(exit.Missing, "put the file there, or correct its source in the release", "there is no file %s", path)
	}
	if err != nil {
		return File{}, exit.With(exit.Missing, err, "make the file readable")
	}
	if err := got.checkBytes(it, t.sum); err != nil {
		return File{}, exit.With(exit.Mismatch, fmt.Errorf("%s: %w", path, err),
			"get the file again from whoever built it; if it was changed on purpose, run bundler lock RELEASE --update and review the change")
	}
	if err := got.checkPackage(it, f.o.Keyring, got.content); err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return got.file(it, path, true), nil
}

// fromCache verifies what the cache has of an item. A cached file that is not
// what its name says is removed, and then the item is simply not cached.
func (f *fetcher) fromCache(ctx context.Context, it Item) (File, bool, error) {
	if it.SHA256 == "" {
		return File{}, false, nil
	}
	path := f.cache.path(it.SHA256)
	got, err := f.readLocal(ctx, it, path, nil)
	defer got.close()
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, exit.With(exit.Output, fmt.Errorf("read the cache: %w", err), "make the cache readable, or name another with --cache")
	}
	if got.checkBytes(it, nil) != nil {
		if got.sha256 == it.SHA256 { // the release is wrong about the size; the file is what its name says
			return File{}, true, exit.With(exit.Mismatch, sizeMismatch(got.size, it.Size), "correct the size in the release: bundler lock does")
		}
		if err := os.Remove(path); err != nil {
			return File{}, false, exit.With(exit.Output, fmt.Errorf("remove a damaged file from the cache: %w", err), "remove it by hand")
		}
		return File{}, false, nil
	}
	if err := got.checkPackage(it, f.o.Keyring, got.content); err != nil {
		return File{}, true, err
	}
	return got.file(it, path, true), true, nil
}

// local is a file that was read, and is still open.
type local struct {
	found
	content *os.File // nil when it could not be opened
}

func (l local) close() {
	if l.content != nil {
		_ = l.content.Close()
	}
}

func (f *fetcher) readLocal(ctx context.Context, it Item, path string, sum *checksum) (local, error) {
	file, err := openRegular(path)
	if err != nil {
		return local{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return local{content: file}, err
	}
	if f.o.Later[it.SHA256] {
		if got, ok := examineHead(io.NewSectionReader(file, 0, info.Size()), info.Size(), it, sum); ok {
			return local{got, file}, nil
		}
	}
	r := &reporter{ctx: ctx, r: file, f: f, event: Event{Item: it, State: Checking, Total: info.Size()}}
	got, err := examine(r, sum, it.SHA256 != "")
	return local{got, file}, err
}

// openRegular opens a file for reading, and nothing that could block, such as a pipe.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

// tellEvery is how many bytes go by between two events.
const tellEvery = 1 << 20

// reporter tells the progress of a reader, and ends it when the context does.
type reporter struct {
	ctx   context.Context
	r     io.Reader
	f     *fetcher
	event Event
	told  int64
}

// Read reads from r.
func (r *reporter) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	r.event.Bytes += int64(n)
	if r.told == 0 || r.event.Bytes-r.told >= tellEvery {
		r.told = r.event.Bytes
		r.f.notify(r.event)
	}
	return n, err
}
