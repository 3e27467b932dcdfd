package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNoProductIsNamed holds the programs to it that they know no product: the
// name in versions/product.yaml stands in no file that is compiled into them.
func TestNoProductIsNamed(t *testing.T) {
	product, err := os.ReadFile("../versions/product.yaml")
	if err != nil {
		t.Fatal(err)
	}
	prefix := regexp.MustCompile(`(?m)^prefix: *([a-z0-9]+)`).FindSubmatch(product)
	if prefix == nil {
		t.Fatal("versions/product.yaml names no prefix")
	}
	read := 0
	for _, room := range []string{"../bundler", "../internal", "."} {
		err := filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "testdata" {
				return orSkip(err)
			}
			if d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read++
			if bytes.Contains(bytes.ToLower(text), bytes.ToLower(prefix[1])) {
				t.Errorf("%s names the product (%s)", path, prefix[1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 100 {
		t.Errorf("only %d files were read", read)
	}
}

// orSkip returns err, or fs.SkipDir when there is none.
func orSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}
