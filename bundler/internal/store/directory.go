package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
)

// directory is a Store in a folder. Its files are ordinary ones, for a web server to
// serve or to be copied elsewhere; beside them there is only the folder of private.go.
type directory struct {
	root string // absolute
	base string // of URLs
}

func openDirectory(root string, o Options) (Store, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, failed(err, "")
	}
	d := &directory{root: abs, base: o.URL}
	if d.base == "" {
		d.base = "file://" + percent.Path(abs)
	}
	if info, err := os.Stat(abs); err == nil && !info.IsDir() {
		return nil, exit.Errorf(exit.Usage, "name a folder", "%s is no folder", abs)
	}
	// Somebody who may only read can use the store as well: leftovers do no harm.
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = d.clean(over)
	return d, nil
}

// String is the folder's absolute path.
func (d *directory) String() string { return d.root }

// URL is under file:///, or under the base given.
func (d *directory) URL(name string) string { return publicURL(d.base, name) }

// Presign refuses.
func (d *directory) Presign(context.Context, string, time.Duration) (Link, error) {
	return Link{}, exit.Errorf(exit.Usage, "give the file itself, or publish to s3://bucket/prefix", "%s is a folder: only a bucket has links that expire", d.root)
}

func (d *directory) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// fail says what was being done, and why it failed.
func (d *directory) fail(ctx context.Context, what, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s in %s: %w", what, name, d.root, context.Cause(ctx))
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNotExist
	}
	return failed(fmt.Errorf("%s %s in %s: %w", what, name, d.root, err), "look at the folder's rights and free space, then run the same command again")
}

// Stat reads a file of up to a MiB, for its tag.
func (d *directory) Stat(ctx context.Context, name string) (Info, error) {
	f, info, err := d.open(name)
	if err == nil {
		err = f.Close()
	}
	return info, d.fail(ctx, "look at", name, err)
}

// Open gives the file itself.
func (d *directory) Open(ctx context.Context, name string) (io.ReadCloser, Info, error) {
	f, info, err := d.open(name)
	if err != nil {
		return nil, Info{}, d.fail(ctx, "open", name, err)
	}
	return f, info, nil
}

// open opens a file and describes it: both are of the same content.
func (d *directory) open(name string) (*os.File, Info, error) {
	if err := CheckName(name); err != nil {
		return nil, Info{}, err
	}
	f, err := os.Open(d.path(name))
	if errors.Is(err, syscall.ENOTDIR) { // a/b where a is a file
		return nil, Info{}, fs.ErrNotExist
	}
	if err != nil {
		return nil, Info{}, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fs.ErrNotExist
	}
	var tag string
	if err == nil {
		tag, err = fileTag(f, info)
	}
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	return f, Info{Name: name, Size: info.Size(), Modified: info.ModTime(), Tag: tag}, nil
}

// fileTag names the content of a file. Of a small one, such as a pointer, it is the digest. A big one is known by
// its inode, time and size: every Put makes a new inode, and to read a gigabyte for each look at it would be too much.
func fileTag(f *os.File, info fs.FileInfo) (string, error) {
	if info.Size() > 1<<20 {
		s, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return "", errors.New("this system does not tell inodes")
		}
		return fmt.Sprintf("%d-%d-%d", s.Ino, info.ModTime().UnixNano(), info.Size()), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, 1<<20+1)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// Put writes beside the store's files, syncs, and renames under the store's lock.
func (d *directory) Put(ctx context.Context, name string, c Content, o PutOptions) (string, error) {
	tag, err := d.put(ctx, name, c, o)
	return tag, d.fail(ctx, "put", name, err)
}

func (d *directory) put(ctx context.Context, name string, c Content, o PutOptions) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	if o.Immutable {
		o.When = Absent
		tag, err := d.putAlready(ctx, name, c, o)
		if !errors.Is(err, fs.ErrNotExist) {
			return tag, err
		}
	}
	if err := d.holds(name, o.When); err != nil { // before anything is written
		return "", err
	}
	t, err := d.temporary(ctx)
	if err != nil {
		return "", err
	}
	defer t.discard()
	if err := copyChecked(ctx, t.file, c, o.Check, o.Progress); err != nil {
		return "", err
	}
	if err := t.file.Sync(); err != nil {
		return "", err
	}
	info, err := t.file.Stat()
	if err != nil {
		return "", err
	}
	tag, err := fileTag(t.file, info)
	if err != nil {
		return "", err
	}
	err = d.locked(ctx, func() error {
		if err := d.holds(name, o.When); err != nil {
			return err
		}
		err := d.place(t.file.Name(), name)
		t.placed = err == nil
		return err
	})
	if o.Immutable && errors.Is(err, ErrConflict) { // another one was faster; perhaps with the same
		o.Progress, o.Check = nil, nil // both are done
		return d.putAlready(ctx, name, c, o)
	}
	return tag, err
}

// putAlready deals with an immutable file that is there; fs.ErrNotExist when it is not.
func (d *directory) putAlready(ctx context.Context, name string, c Content, o PutOptions) (string, error) {
	f, info, err := d.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	same, err := equal(ctx, f, info.Size, c)
	if err == nil && !same {
		err = ErrConflict
	}
	if err == nil && o.Check != nil {
		err = copyChecked(ctx, io.Discard, c, o.Check, nil)
	}
	if err != nil {
		return "", err
	}
	if o.Progress != nil {
		o.Progress(info.Size)
	}
	return info.Tag, nil
}

// equal compares two contents.
func equal(ctx context.Context, a io.ReaderAt, size int64, b Content) (bool, error) {
	if size != b.Size() {
		return false, nil
	}
	const step = 256 << 10
	bufA, bufB := make([]byte, step), make([]byte, step)
	for at := int64(0); at < size; at += step {
		if err := ctx.Err(); err != nil {
			return false, context.Cause(ctx)
		}
		n := int(min(step, size-at))
		if _, err := io.ReadFull(io.NewSectionReader(a, at, int64(n)), bufA[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(io.NewSectionReader(b, at, int64(n)), bufB[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(bufA[:n], bufB[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// copyContent writes all of c, and no less than it promised.
func copyContent(ctx context.Context, w io.Writer, c Content, progress func(int64)) error {
	const step = 1 << 20
	buf := make([]byte, min(256<<10, c.Size()+1)) // small enough for a core's cache
	for at := int64(0); at < c.Size(); at += step {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		want := min(step, c.Size()-at)
		n, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(c, at, want), buf) // the bare type has it use the buffer
		if err == nil && n != want {
			err = fmt.Errorf("%d bytes are there, not %d: %w", at+n, c.Size(), io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(n)
		}
	}
	return nil
}

// holds returns ErrConflict when a condition does not hold.
func (d *directory) holds(name string, when Condition) error {
	if when == Always {
		return nil
	}
	f, info, err := d.open(name)
	if err == nil {
		err = f.Close()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && when.absent:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil, when.absent, info.Tag != when.tag:
		return ErrConflict
	}
	return nil
}

// Copy makes a hard link, or a copy where the file system cannot link.
func (d *directory) Copy(ctx context.Context, from, to string) error {
	return d.fail(ctx, "copy", from+" to "+to, d.copy(ctx, from, to))
}

func (d *directory) copy(ctx context.Context, from, to string) error {
	if err := errors.Join(CheckName(from), CheckName(to)); err != nil {
		return err
	}
	linked := false
	err := d.locked(ctx, func() error {
		link := filepath.Join(d.private(), partPrefix+"link") // under the lock there is one at a time
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(d.path(from), link); err != nil {
			return err
		}
		linked = true
		if err := d.place(link, to); err != nil {
			return errors.Join(err, os.Remove(link))
		}
		return nil
	})
	if linked || errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
		return err
	}
	f, info, err := d.open(from)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	_, err = d.put(ctx, to, io.NewSectionReader(f, 0, info.Size), PutOptions{})
	return err
}

// Delete removes a file, and the folders that are empty without it.
func (d *directory) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return d.fail(ctx, "delete", name, err)
	}
	if _, err := os.Lstat(d.path(name)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return d.fail(ctx, "delete", name, d.locked(ctx, func() error {
		path := d.path(name)
		if info, err := os.Lstat(path); err != nil || info.IsDir() {
			return nil //nolint:nilerr // it is not there any more, or no file
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		for path = filepath.Dir(path); path != d.root; path = filepath.Dir(path) {
			if os.Remove(path) != nil {
				break
			}
		}
		return syncFolder(path)
	}))
}
