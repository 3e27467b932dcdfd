package store

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"
)

// List walks the folder.
func (d *directory) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := checkPrefix(prefix)
		if err == nil {
			folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
			_, err = d.walk(ctx, folder, prefix, yield)
		}
		if err != nil {
			yield(Info{}, d.fail(ctx, "list", prefix, err))
		}
	}
}

// walk lists one folder, whose name ends with a slash or is "". It says whether to go on.
func (d *directory) walk(ctx context.Context, folder, prefix string, yield func(Info, error) bool) (bool, error) {
	entries, err := os.ReadDir(d.path(folder))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case CheckName(folder+e.Name()) != nil:
		case e.IsDir():
			names = append(names, folder+e.Name()+"/") // its slash counts in the order: a.b comes before a/b
		case e.Type().IsRegular():
			names = append(names, folder+e.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if strings.HasSuffix(name, "/") {
			if strings.HasPrefix(name, prefix) || strings.HasPrefix(prefix, name) {
				if more, err := d.walk(ctx, name, prefix, yield); !more || err != nil {
					return false, err
				}
			}
			continue
		}
		info, err := os.Lstat(d.path(name))
		if errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(name, prefix) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !yield(Info{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil) {
			return false, nil
		}
	}
	return true, nil
}
