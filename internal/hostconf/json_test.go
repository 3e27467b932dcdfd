package hostconf

import (
	"encoding/json"
	"testing"
)

// TestJSON: every form of a value has one form in JSON, and a number stays as it is written.
func TestJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, text, want string }{
		{"json", `{"a": [1.50, 1e400, true, null, {"b": "\u00e9\"\\"}], "c": {}}`, `{"a":[1.50,1e400,true,null,{"b":"é\"\\"}],"c":{}}`},
		{"yaml", "a: 007\nb: 0x1F\nc: 12345678901234567890\nd: .inf\ne: ~\nf: True\n", `{"a":"007","b":"0x1F","c":12345678901234567890,"d":".inf","e":null,"f":true}`},
		{"yaml", "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nlist:\n  - *b\n", `{"base":{"x":1,"y":2},"mine":{"y":3,"x":1},"list":[{"x":1,"y":2}]}`},
		{"yaml", "", `{}`},
		{"ini", "g = 1\n[s]\na = \"x\"\n", `{"g":"1","s":{"a":"\"x\""}}`},
		{"toml", "a.b = 1_0\nc = [+1, 2.5, true]\nd = 1979-05-27\n[[e]]\nf = 0x1F\n", `{"a":{"b":10},"c":[1,2.5,true],"d":"1979-05-27","e":[{"f":"0x1F"}]}`},
		{"properties", "a.b=1\nc=x\\n\n", `{"a.b":"1","c":"x\n"}`},
		{"env", "A=1\nnonsense\nB='x y'\n", `{"A":"1","B":"x y"}`},
	} {
		d, err := Parse(c.format, []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.JSON()
		if err != nil || !json.Valid(got) || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.text, got, err, c.want)
		}
	}
	d, err := Parse("yaml", []byte("a: [!odd s3cret]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.JSON(); err == nil {
		t.Errorf("a tag of nobody's is written as %s", got)
	}
}
