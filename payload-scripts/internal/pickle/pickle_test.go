package pickle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`null`: "\x80\x02N.", `true`: "\x80\x02\x88.", `false`: "\x80\x02\x89.",
		`0`: "\x80\x02J\x00\x00\x00\x00.", `-1`: "\x80\x02J\xff\xff\xff\xff.", `2147483647`: "\x80\x02J\xff\xff\xff\x7f.",
		`-2147483648`: "\x80\x02J\x00\x00\x00\x80.", `2147483648`: "\x80\x02\x8a\x05\x00\x00\x00\x80\x00.", `-2147483649`: "\x80\x02\x8a\x05\xff\xff\xff\x7f\xff.",
		`9223372036854775808`:  "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.",
		`-9223372036854775808`: "\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.",
		`1.0`:                  "\x80\x02G\x3f\xf0\x00\x00\x00\x00\x00\x00.", `-0.0`: "\x80\x02G\x80\x00\x00\x00\x00\x00\x00\x00.", `1e400`: "\x80\x02G\x7f\xf0\x00\x00\x00\x00\x00\x00.",
		`""`: "\x80\x02X\x00\x00\x00\x00.", `"é"`: "\x80\x02X\x02\x00\x00\x00\xc3\xa9.", `"\ud800"`: "\x80\x02X\x03\x00\x00\x00\xed\xa0\x80.", `"\u0000"`: "\x80\x02X\x01\x00\x00\x00\x00.",
		`[]`: "\x80\x02].", ` [ 1 , "a" ] `: "\x80\x02](J\x01\x00\x00\x00X\x01\x00\x00\x00ae.",
		`{}`: "\x80\x02}.", `{"a":{"":null}}`: "\x80\x02}(X\x01\x00\x00\x00a}(X\x00\x00\x00\x00Nuu.",
	} {
		got, err := Append([]byte("before"), []byte(raw))
		if err != nil || string(got) != "before"+want {
			t.Errorf("%s: %q, %v; want %q", raw, got, err, want)
		}
	}
	if _, err := Append(nil, []byte("1"+strings.Repeat("0", maxDigits))); err == nil {
		t.Error("a number that nobody reads has a pickle")
	}
}

// awkward are values in which encodings differ.
var awkward = []string{
	`{"a":1,"a":{"b":2},"c":[[],{},[{}],null,true,false]}`, `[1,1.0,-0,-0.0,1e22,1E+2,1e400,-1e400,1e-400,5e-324,0.1]`,
	`123456789012345678901234567890`, `-123456789012345678901234567890`, `[127,128,255,256,32767,32768,-128,-129,4294967295,4294967296,9223372036854775807,18446744073709551616]`,
	`"\u0000\u0001\u001f\"\\\/\b\f\n\r\t\u2028é😀\ud83d\ude00"`, `"\ud800 \udc00 \udc00\ud800"`, `{"":"", "with.dot":1, "with blank":2, "\ud800":3}`,
	`{"types":["unicode","` + strings.Repeat("x", 70000) + `"]}`, strings.Repeat(`{"a":[`, 60) + "1" + strings.Repeat("]}", 60), "[" + strings.Repeat("1,", 5000) + "2]",
	"[1" + strings.Repeat("0", 620) + ",-1" + strings.Repeat("0", 700) + "]",
}

// reader is a Python program that compares: each line has a JSON text and a pickle of it, both in base64.
const reader = `
import sys, json, pickle, base64
def shape(v):
    if isinstance(v, dict): return ('dict', [(k, shape(x)) for k, x in v.items()])
    if isinstance(v, list): return ('list', [shape(x) for x in v])
    return (type(v).__name__, repr(v))
wrong = 0
for line in sys.stdin:
    text, pickled = (base64.b64decode(x) for x in line.split())
    want, got = json.loads(text), pickle.loads(pickled)
    if shape(want) != shape(got):
        wrong += 1
        print(text[:200], shape(got))
sys.exit(wrong > 0)
`

// python compares pickles of values with what Python reads from the same texts.
func python(t *testing.T, values []string) {
	t.Helper()
	var in bytes.Buffer
	for _, raw := range values {
		p, err := Append(nil, []byte(raw))
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		fmt.Fprintf(&in, "%s %s\n", base64.StdEncoding.EncodeToString([]byte(raw)), base64.StdEncoding.EncodeToString(p))
	}
	cmd := exec.Command("python3", "-c", reader)
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("python3: %v\n%s", err, out)
	}
}

// TestPython: Python's own unpickler gives what Python's own json gives. The project's tests need
// python3 anyway (test/host/install.sh).
func TestPython(t *testing.T) {
	t.Parallel()
	python(t, awkward)
}

func FuzzAppend(f *testing.F) {
	for _, raw := range awkward {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		p, err := Append(nil, raw)
		if err == nil && (len(p) > 5*len(raw)+16 || p[len(p)-1] != stop) {
			t.Errorf("%q: %q", raw, p)
		}
	})
}
