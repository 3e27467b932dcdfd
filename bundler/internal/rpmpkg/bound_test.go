package rpmpkg_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// A tag that nobody asks for costs the library as much as one that somebody does.
func TestManyValues(t *testing.T) {
	t.Parallel()
	read := func(values int) error {
		_, err := rpmpkg.Read(bytes.NewReader(file(header(63, append(identity[:5:5], entry{9999, make([]string, values)})...), nil)))
		return err
	}
	const others = 5 + 1 // identity, and the digest in the signature header
	if err := read(rpmpkg.MaxValues - others); err != nil {
		t.Error(err)
	}
	var format *rpmfile.FormatError
	if err := read(rpmpkg.MaxValues - others + 1); !errors.As(err, &format) || !strings.Contains(err.Error(), "4194305 values") {
		t.Errorf("one more: %v", err)
	}
}
