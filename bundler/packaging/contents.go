package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
)

// The package is not called bundler: distributions have one of that name, Ruby's, which has /usr/bin/bundler too. Whoever
// has that one is told.
const (
	name        = "onerpm-bundler"
	summary     = "Builds RPMs that upgrade a product in place"
	description = "Makes one signed RPM of an upgrade from one release of a product to the\n" +
		"next, checks and certifies it on real machines, and publishes it as a yum\n" +
		"repository with a download page. What runs on the customers' machines is in it."
	licence = "Apache-2.0"
)

// conflicting are the packages with the same /usr/bin/bundler.
var conflicting = struct{ rpm, deb string }{"rubygem-bundler", "ruby-bundler"}

// file is one that a package installs.
type file struct {
	path string
	mode uint32
	body []byte
}

// shared are the files that are the same on all architectures.
func shared(ctx context.Context, share string, changes []byte) ([]file, error) {
	licences, err := thirdParties(ctx)
	if err != nil {
		return nil, err
	}
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	files := []file{
		{"/usr/share/doc/" + name + "/copyright", 0o644, own},
		{"/usr/share/doc/" + name + "/third-party-licenses.gz", 0o644, zipped(licences)},
		{"/usr/share/doc/" + name + "/changelog.gz", 0o644, zipped(changes)},
	}
	for _, made := range []struct{ from, to string }{
		{"man/man1/bundler.1", "man/man1/bundler.1.gz"},
		{"bash-completion/completions/bundler", ""},
		{"zsh/site-functions/_bundler", ""},
		{"fish/vendor_completions.d/bundler.fish", ""},
	} {
		body, err := os.ReadFile(filepath.Join(share, made.from))
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(made.to, ".gz") {
			made.from, body = made.to, zipped(body)
		}
		files = append(files, file{"/usr/share/" + made.from, 0o644, body})
	}
	return files, nil
}

// zipped compresses as gzip -9n does: no name and no time of a file.
func zipped(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a right one
	_, _ = w.Write(body)                                  // a Buffer does not fail
	_ = w.Close()
	return b.Bytes()
}
