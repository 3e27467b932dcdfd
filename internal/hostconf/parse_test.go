package hostconf_test

import (
	"bytes"
	"testing"

	"onerpm/internal/hostconf"
	"onerpm/internal/hostconf/hostconftest"
	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/manifest"
)

// FuzzParse: whatever a file holds, each value stands where its node says, keys of lines take whole lines, and the kind of line breaks
// changes nothing that is read.
func FuzzParse(f *testing.F) {
	formats := manifest.KeyedFormats
	for _, v := range hostconftest.Values {
		for i := range formats {
			f.Add(uint8(i), []byte(v.Text))
		}
	}
	for _, text := range oddINI {
		f.Add(uint8(3), []byte(text))
	}
	for _, text := range oddTOML {
		f.Add(uint8(4), []byte(text))
	}
	f.Fuzz(func(t *testing.T, format uint8, src []byte) {
		if len(src) > 4096 {
			return
		}
		d, err := hostconf.Parse(formats[int(format)%len(formats)], src)
		if err != nil {
			return
		}
		for _, l := range d.Leaves() {
			line, column := d.Place(l.Value)
			if line < 1 || line > bytes.Count(src, []byte("\n"))+1 || column < 1 {
				t.Fatalf("%q stands at %d:%d", l.Key, line, column)
			}
		}
		if _, err := d.JSON(); err != nil && d.Format != "yaml" {
			t.Fatalf("%q: %v", src, err)
		}
		if d.Format != "ini" && d.Format != "toml" && d.Format != "properties" {
			return
		}
		whole(t, src, d.Root)
		if bytes.IndexByte(src, '\r') < 0 {
			other, err := hostconf.Parse(d.Format, bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")))
			if err != nil || !syntax.Equal(other.Root, d.Root) {
				t.Fatalf("%q is otherwise with another kind of line breaks: %v", src, err)
			}
		}
	})
}

// whole holds that keys take whole lines, each line once.
func whole(t *testing.T, src []byte, n *syntax.Node) {
	t.Helper()
	for _, k := range n.Keys {
		last := 0
		for _, l := range k.Lines {
			starts := l[0] == 0 || src[l[0]-1] == '\n' || l[0] == syntax.BOM(string(src))
			if l[0] < last || l[1] <= l[0] || l[1] > len(src) || !starts || l[1] < len(src) && src[l[1]-1] != '\n' {
				t.Fatalf("%q: %q takes no whole lines: %v", src, k.Key, k.Lines)
			}
			last = l[1]
		}
		if v := k.Value; v.Raw != "" && string(src[v.Start:v.End]) != v.Raw {
			t.Fatalf("%q: %q stands at %d-%d", src, v.Raw, v.Start, v.End)
		}
		whole(t, src, k.Value)
	}
}
