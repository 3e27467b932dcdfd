package rpmfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"onerpm/internal/rpmfile"
	"onerpm/test/samplerpm"
)

func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, maker := range makers {
		pkg := maker(t)
		h, err := rpmfile.Read(bytes.NewReader(pkg))
		if err != nil {
			t.Fatal(err)
		}
		for n := range h.PayloadOffset {
			_, err := rpmfile.Read(bytes.NewReader(pkg[:n]))
			var format *rpmfile.FormatError
			if !errors.As(err, &format) {
				t.Fatalf("%s cut at %d of %d: %v", name, n, h.PayloadOffset, err)
			}
		}
	}
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	pkg := samplerpm.Packed(t)
	broken := errors.New("broken pipe")
	for _, n := range []int{0, 50, 100, 300} {
		_, err := rpmfile.Read(io.MultiReader(bytes.NewReader(pkg[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v, want the reader's error", n, err)
		}
	}
}

// line is one entry of a header made by hand.
type line struct{ tag, typ, offset, count uint32 }

// header builds a header without a region.
func header(data string, lines ...line) []byte {
	b := []byte("\x8e\xad\xe8\x01\x00\x00\x00\x00")
	b = binary.BigEndian.AppendUint32(b, uint32(len(lines)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	for _, l := range lines {
		for _, v := range []uint32{l.tag, l.typ, l.offset, l.count} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	return append(b, data...)
}

// around puts a lead and a signature header before a main header.
func around(main []byte) []byte {
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00")
	lead[79] = 5
	sig := header("\x00\x00\x00\x01\x00\x00\x00\x00", line{1007, 4, 0, 1})
	return append(append(lead, sig...), main...)
}

const nvra = "n\x00v\x00r\x00a\x00"

func nvraAnd(data string, more ...line) []byte {
	return around(header(nvra+data, append([]line{{1000, 6, 0, 1}, {1001, 6, 2, 1}, {1002, 6, 4, 1}, {1022, 6, 6, 1}}, more...)...))
}

func TestHandMade(t *testing.T) {
	t.Parallel()
	if _, err := rpmfile.Read(bytes.NewReader(nvraAnd(""))); err != nil {
		t.Fatalf("a header with only names: %v", err)
	}
	h, err := rpmfile.Read(bytes.NewReader(nvraAnd("/a\x00/b c\x00", line{1027, 8, 8, 2})))
	if err != nil || !slices.Equal(h.Main.Strings(rpmfile.TagOldFileNames), []string{"/a", "/b c"}) {
		t.Errorf("old file names: %v %v", h, err)
	}
	for _, c := range []struct {
		want string
		pkg  []byte
	}{
		{"magic", around([]byte("\x8e\xad\xe8\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"))},
		{"0 entries", around(header(""))},
		{"4294967295 entries", around([]byte("\x8e\xad\xe8\x01\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x01"))},
		{"4294967295 bytes", around([]byte("\x8e\xad\xe8\x01\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff"))},
		{"too early", around([]byte("\x8e\xad\xe8\x01\x00\x00\x00\x00\x00\x00\xff\xff\x01\x00\x00\x00"))},
		{"no version", around(header("n\x00", line{1000, 6, 0, 1}))},
		{"is no name", around(header("../n\x00", line{1000, 6, 0, 1}))},
		{"is no version", around(header("n\x00v\n\x00", line{1000, 6, 0, 1}, line{1001, 6, 2, 1}))},
		{"cannot have", around(header("\x00\x00\x00\x01", line{1000, 4, 0, 1}))},
		{"there twice", nvraAnd("x\x00", line{1000, 6, 8, 1})},
		{"overlaps", nvraAnd("", line{1004, 6, 0, 1})},
		{"outside", nvraAnd("", line{1004, 6, 8, 1})},
		{"outside", nvraAnd("", line{1004, 6, 0xfffffff0, 1})},
		{"outside", nvraAnd("1234", line{1003, 4, 8, 2})},
		{"outside", nvraAnd("1234", line{1003, 4, 8, 0x40000001})},
		{"outside", nvraAnd("1234", line{9999, 7, 8, 5})},
		{"aligned", nvraAnd("12345", line{1003, 4, 9, 1})},
		{"count of 0", nvraAnd("1234", line{1003, 4, 8, 0})},
		{"count of 4294967295", nvraAnd("1234", line{1003, 4, 8, 0xffffffff})},
		{"count of 2", nvraAnd("a\x00b\x00", line{1014, 6, 8, 2})},
		{"no end", nvraAnd("abc", line{1014, 6, 8, 1})},
		{"no end", nvraAnd("abc\x00", line{1117, 8, 8, 0x7fffffff})},
		{"type 10", nvraAnd("abc\x00", line{1014, 10, 8, 1})},
		{"type 0", nvraAnd("abc\x00", line{1014, 0, 8, 1})},
		{"tag 5 is not allowed", nvraAnd("abc\x00", line{5, 6, 8, 1})},
		{"an epoch of", nvraAnd("\xff\xff\xff\xff", line{1003, 4, 8, 1})},
		{"no folders", nvraAnd("a\x00", line{1117, 8, 8, 1})},
		{"no files", nvraAnd("a\x00", line{1118, 8, 8, 1})},
		{"folder 1 of 1", nvraAnd("\x00\x00\x00\x01a\x00/\x00", line{1116, 4, 8, 1}, line{1117, 8, 12, 1}, line{1118, 8, 14, 1})},
		{"no file name", nvraAnd("\x00\x00\x00\x00/a\x00/\x00", line{1116, 4, 8, 1}, line{1117, 8, 12, 1}, line{1118, 8, 15, 1})},
		{"has a ..", nvraAnd("\x00\x00\x00\x00..\x00/\x00", line{1116, 4, 8, 1}, line{1117, 8, 12, 1}, line{1118, 8, 15, 1})},
		{"not an absolute", nvraAnd("a\x00", line{1027, 8, 8, 1})},
		{"has a ..", nvraAnd("/a/../b\x00", line{1027, 8, 8, 1})},
		{"tag 1028 has 1", nvraAnd("\x00\x00\x00\x00/a\x00/b\x00", line{1028, 4, 8, 1}, line{1027, 8, 12, 2})},
		{"a file of", nvraAnd("\xff\xff\xff\xff\xff\xff\xff\xff/a\x00", line{5008, 5, 8, 1}, line{1027, 8, 16, 1})},
	} {
		_, err := rpmfile.Read(bytes.NewReader(c.pkg))
		var format *rpmfile.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

// TestOutsideRegion adds an entry behind what digests and signatures are said to
// cover; a reader that took it would believe bytes that rpm ignores.
func TestOutsideRegion(t *testing.T) {
	t.Parallel()
	trailer := func(entries int32) string {
		b := binary.BigEndian.AppendUint32(nil, 63)
		b = binary.BigEndian.AppendUint32(b, 7)
		b = binary.BigEndian.AppendUint32(b, uint32(-entries*16))
		return string(binary.BigEndian.AppendUint32(b, 16))
	}
	names := []line{{63, 7, 8, 16}, {1000, 6, 0, 1}, {1001, 6, 2, 1}, {1002, 6, 4, 1}, {1022, 6, 6, 1}}
	for _, c := range []struct {
		want string
		main []byte
	}{
		{"", header(nvra+trailer(5), names...)},
		{"1 entries stand outside", header(nvra+trailer(4), names...)},
		{"5 bytes stand outside", header(nvra+trailer(5)+"late\x00", names...)},
		{"does not fit", header(nvra+trailer(6), names...)},
		{"does not fit", header(nvra+trailer(-5), names...)},
		{"trailer is not there", header(nvra+"0123456789abcdef", names...)},
		{"ends outside", header(nvra+trailer(5)[:8], names...)},
		{"not described", header(nvra+trailer(5), append([]line{{62, 7, 8, 16}}, names[1:]...)...)},
	} {
		_, err := rpmfile.Read(bytes.NewReader(around(c.main)))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestLongPaths holds the bound on what paths may take once they are put together.
func TestLongPaths(t *testing.T) {
	t.Parallel()
	const files = 40000
	data := strings.Repeat("\x00\x00\x00\x00", files) + strings.Repeat("a\x00", files) + "/" + strings.Repeat("d", 4000) + "/\x00"
	_, err := rpmfile.Read(bytes.NewReader(nvraAnd(data, line{1116, 4, 8, files}, line{1117, 8, 8 + 4*files, files}, line{1118, 8, 8 + 6*files, 1})))
	if err == nil || !strings.Contains(err.Error(), "paths of more than") {
		t.Errorf("got %v", err)
	}
}

func TestNotRPM(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "<!DOCTYPE html>", strings.Repeat("x", 5000), "\xed\xab\xee"} {
		if _, err := rpmfile.Read(strings.NewReader(s)); !errors.Is(err, rpmfile.ErrNotRPM) {
			t.Errorf("%.20q: %v", s, err)
		}
	}
}
