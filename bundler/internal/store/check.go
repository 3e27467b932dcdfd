package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errUnchecked is wrapped by the errors of Puts whose content is not the right one. Nothing of it is kept.
var errUnchecked = errors.New("the content failed its check")

// copyChecked reads all of c in order, writes it to w, and has check read it too; nil for no check.
func copyChecked(ctx context.Context, w io.Writer, c Content, check func(io.Reader) error, progress func(int64)) error {
	if check == nil {
		return copyContent(ctx, w, c, progress)
	}
	r, toCheck := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := check(r)
		_, _ = io.Copy(io.Discard, r) // it may have known before the end
		done <- err
	}()
	err := copyContent(ctx, io.MultiWriter(w, toCheck), c, progress)
	_ = toCheck.CloseWithError(err) // never fails; nil is the end of the content
	if checkErr := <-done; err == nil && checkErr != nil {
		return fmt.Errorf("%w: %w", errUnchecked, checkErr)
	}
	return err
}
