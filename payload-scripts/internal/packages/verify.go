package packages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// Verify reads the RPMs that the transaction to side needs and compares them with the
// manifest. A file whose digest was right before in this process, and which was
// not written to since, is not read again: the window is short.
func (s *Set) Verify(ctx context.Context, side manifest.Side) error {
	files, err := s.files(side)
	if err != nil {
		return err
	}
	want := make(map[string]string, len(s.Manifest.Files))
	for _, f := range s.Manifest.Files {
		want[f.Path] = f.SHA256
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, file := range files {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return s.verifyFile(file, want[file])
		})
	}
	return group.Wait()
}

func (s *Set) verifyFile(file, want string) error {
	path := filepath.Join(s.Dir, file)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("verify a package of the bundle: %w", err)
	}
	s.mu.Lock()
	seen, ok := s.checked[file]
	s.mu.Unlock()
	if ok && seen.Equal(info.ModTime()) {
		return nil
	}
	sum, err := digestOf(path, rpmfile.SHA256)
	if err != nil {
		return fmt.Errorf("verify a package of the bundle: %w", err)
	}
	if !strings.EqualFold(sum, want) {
		return fmt.Errorf("%s is damaged: its sha256 is %s, the manifest says %s; get the bundle again", path, sum, want)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked == nil {
		s.checked = map[string]time.Time{}
	}
	s.checked[file] = info.ModTime()
	return nil
}
