package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"onerpm/internal/rpmfile"
)

// flips changes one byte of a package at each place that a reader may treat differently, runs a command each time, and puts the
// byte back: flips FILE CODE PROGRAM ARGUMENT...
// The command must end with the code, and leave nothing in the folder out, unless that is 0.
func flips(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: flips FILE CODE PROGRAM ARGUMENT...")
	}
	path := ts.MkAbs(args[0])
	good, err := os.ReadFile(path)
	ts.Check(err)
	h, err := rpmfile.Read(bytes.NewReader(good))
	ts.Check(err)
	header := int(h.PayloadOffset) - len(h.Main.Raw())
	for _, place := range []struct {
		name string
		at   int
	}{
		{"lead", 0}, {"format in the lead", 4}, {"name in the lead", 20}, {"reserved bytes of the lead", 90},
		{"signature header", 96}, {"index of the signature header", 112}, {"end of the signature header", header - 9},
		{"header", header}, {"index of the header", header + 16}, {"middle of the header", header + len(h.Main.Raw())/2},
		{"end of the header", int(h.PayloadOffset) - 1}, {"payload", int(h.PayloadOffset)}, {"middle of the payload", (int(h.PayloadOffset) + len(good)) / 2},
		{"last byte", len(good) - 1},
	} {
		bad := slices.Clone(good)
		bad[place.at] ^= 1
		ts.Check(os.WriteFile(path, bad, 0o644))
		ts.Logf("%s: byte %d of %d is flipped", place.name, place.at, len(good))
		exits(ts, false, args[1:])
		left, err := os.ReadDir(ts.MkAbs("out"))
		ts.Check(err)
		if len(left) > 0 && args[1] != "0" {
			ts.Fatalf("%s: %s is left", place.name, left[0].Name())
		}
	}
	ts.Check(os.WriteFile(path, good, 0o644))
}

// serve offers the files of a folder on a web server until the script ends: serve FOLDER VARIABLE, which gets its URL.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve FOLDER VARIABLE")
	}
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(s.Close)
	ts.Setenv(args[1], s.URL)
}
