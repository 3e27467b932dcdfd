// Command onemore adds RPMs to the metadata in a folder, which is made anew when it
// has none, without reading any other RPM:
//
//	onemore REPODATA RPM...
//
// It is what test/bench measures beside createrepo_c --update; people use bundler publish.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/rpmpkg"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "onemore:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: onemore REPODATA RPM")
	}
	previous, err := repodata.Load(args[0])
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var add []repodata.Entry
	for _, path := range args[1:] {
		e, err := describe(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		add = append(add, e)
	}
	_, err = repodata.Write(ctx, args[0], previous, add, nil, 0)
	return err
}

func describe(path string) (repodata.Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return repodata.Entry{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return repodata.Entry{}, err
	}
	sum := sha256.New()
	r := bufio.NewReader(io.TeeReader(f, sum))
	h, err := rpmpkg.Read(r)
	if err != nil {
		return repodata.Entry{}, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return repodata.Entry{}, err
	}
	facts := repodata.FileFacts{SHA256: hex.EncodeToString(sum.Sum(nil)), Size: info.Size(), Time: info.ModTime().Unix()}
	return repodata.Describe(h, facts, repodata.Place{Href: filepath.Base(path)})
}
