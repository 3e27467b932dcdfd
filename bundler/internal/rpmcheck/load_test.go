package rpmcheck_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/rpmcheck"
	"onerpm/internal/rpmfile"
)

// What passes is loaded by the rpm of this machine, and what is only oddly built is not refused: packages
// are altered at random in the index of a header, its reserved bytes and its strings.
func TestLoadByRPM(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(15, 5))
	p := pkg{name: "p", provides: []relation{{text: "x = 1"}}, files: []rpmpack.RPMFile{{Name: "/opt/f", Mode: 0o100644, Body: []byte("x"), Owner: "root", Group: "root"}}}
	p.custom = func(made *rpmpack.RPM) {
		made.AddPostin("echo hello")
		made.AddCustomTag(1080, rpmpack.EntryInt32([]int32{1})) // of a changelog, which no code here reads
		made.AddCustomTag(1081, rpmpack.EntryStringSlice([]string{"somebody"}))
		made.AddCustomTag(1082, rpmpack.EntryStringSlice([]string{"something"}))
	}
	good := p.write(t)
	h := p.header(t)
	if err := rpmcheck.Load(h.Header); err != nil {
		t.Fatal(err)
	}
	starts := []int{96, int(h.PayloadOffset) - len(h.Main.Raw())}
	dir := t.TempDir()
	args, verdicts := []string{"-qp", "--nosignature", "--nodigest"}, map[string]error{}
	for i := range 600 {
		b := bytes.Clone(good)
		start := starts[r.IntN(2)]
		count := int(binary.BigEndian.Uint32(b[start+8:]))
		entry := start + 16 + 16*(1+r.IntN(count-1))
		value := start + 16 + 16*count + int(binary.BigEndian.Uint32(b[entry+8:]))
		switch r.IntN(5) {
		case 0:
			b[start+4+r.IntN(4)] = byte(r.IntN(2))
		case 1:
			b[entry+7] = byte(1 + r.IntN(9)) // its type
		case 2:
			b[value] = 0 // a string that ends too early, a smaller number
		case 3:
			b[entry+3]++ // another tag
		case 4:
			b[entry+15]-- // fewer values
		}
		h, err := rpmfile.Read(bytes.NewReader(b))
		if err != nil {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.rpm", i))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
		verdicts[file] = rpmcheck.Load(h)
	}
	out, _ := exec.CommandContext(context.Background(), "rpm", args...).CombinedOutput() // it fails: some are refused
	refused, loaded := 0, 0
	for file, err := range verdicts {
		_, why, failed := strings.Cut(string(out), file+": ")
		why, _, _ = strings.Cut(why, "\n")
		switch {
		case err == nil && failed:
			t.Errorf("rpm does not load %s: %s", file, why)
		case err == nil:
			loaded++
		case !failed:
			t.Errorf("rpm loads %s, and here: %v", file, err)
		default:
			refused++
		}
	}
	if loaded < 50 || refused < 50 {
		t.Errorf("%d loaded, %d refused", loaded, refused)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	made := pkg{name: "p"}.write(t)
	h := pkg{name: "p"}.header(t)
	main := int(h.PayloadOffset) - len(h.Main.Raw())
	for want, alter := range map[string]func([]byte){
		"damaged rpm: header: its reserved bytes are not zero":           func(b []byte) { b[main+5] = 1 },
		"damaged rpm: signature header: its reserved bytes are not zero": func(b []byte) { b[96+7] = 1 },
	} {
		b := bytes.Clone(made)
		alter(b)
		altered, err := rpmfile.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var format *rpmfile.FormatError
		if err := rpmcheck.Load(altered); !errors.As(err, &format) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
