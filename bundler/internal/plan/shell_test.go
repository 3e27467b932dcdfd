package plan

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, want string }{
		{"", ""},
		{"# only a comment", ""},
		{"a b", "[a b]"},
		{"a;b&&c||d|e&f\ng", "[a] [b] [c] [d] [e] [f] [g]"},
		{"a # comment ; b\nc#d", "[a] [c#d]"},
		{"a 'b c' \"d e\"f", "[a|b c|d ef]"},
		{`a "say \"it\"" b\ c`, `[a|say "it"|b c]`},
		{"a \\\n  b", "[a b]"},
		{"a > /x", "[a >/x]"},
		{"a>>/x 2>/dev/null", "[a >/x >/dev/null]"},
		{"a >&2 b", "[a b >&2]"},
		{"a < /in > /out", "[a >/out]"},
		{"cat <<E > /out\ntext\nE", "[cat >/out] [text] [E]"},
		{": > /x", "[: >/x]"},
		{"> /x", "[ >/x]"},
		{`sed -i "s/a/$(uname -n)/" /x`, "[uname -n] [sed -i s/a/$/ /x]"},
		{"a $(b $(c d) e) f", "[c d] [b $ e] [a $ f]"},
		{"a `b c` d", "[a] [b c] [d]"},
		{"if [ -f /x ]; then rm /x; fi", "[if [ -f /x ]] [then rm /x] [fi]"},
		{"(cd /x; rm y)", "[cd /x] [rm y]"},
		{"a 'open", "[a open]"},
		{"a $(open", "[open] [a $]"},
		{"a \\", "[a \\]"},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range commands(tt.script) {
			sep := " "
			if strings.Contains(strings.Join(c.words, ""), " ") {
				sep = "|"
			}
			line := strings.Join(c.words, sep)
			for _, o := range c.outputs {
				line += " >" + o
			}
			got = append(got, "["+line+"]")
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.script, s, tt.want)
		}
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script string
		want   string // command and file of each
	}{
		{"sed -i s/a/b/ /opt/x", "sed -i /opt/x"},
		{"sed -i.bak -e s/a/b/ /opt/x /opt/y", "sed -i /opt/x, sed -i /opt/y"},
		{"sed --in-place s/a/b/ /opt/x", "sed -i /opt/x"},
		{"sed -n s/a/b/p /opt/x", ""},
		{`sed -i "s/@H@/$(uname -n)/" /opt/x`, "sed -i /opt/x"},
		{"perl -pi -e 's/a/b/' /opt/x", "perl -i /opt/x"},
		{"perl -e 'print 1' /opt/x", ""},
		{"echo a > /opt/x", "> /opt/x"},
		{"echo a >>/opt/x 2>&1", "> /opt/x"},
		{"echo /opt/x", ""},
		{"cat /opt/x > /dev/null", "> /dev/null"},
		{"uname | tee -a /opt/x", "tee /opt/x"},
		{"cp /opt/a /opt/x", "cp /opt/x"},
		{"install -m 644 /opt/a /opt/x", "install /opt/x"},
		{"ln -sf /opt/a /opt/x", "ln /opt/x"},
		{"mv /opt/a /opt/b", "mv /opt/a, mv /opt/b"},
		{"rm -f /opt/x", "rm /opt/x"},
		{"if true; then rm /opt/x; else truncate -s 0 /opt/y; fi", "rm /opt/x, truncate /opt/y"},
		{"/bin/sed -i s/a/b/ /opt/x", "sed -i /opt/x"},
		{"F=/opt/x\nsed -i s/a/b/ $F ${F}.old $F/y $Fz", "sed -i /opt/x, sed -i /opt/x.old, sed -i /opt/x/y"},
		{"export D=\"/opt/a b\"\nrm \"$D\"", ""}, // a name with a blank is more than this look sees
		{"F=relative\nrm $F x ./y", ""},
		{"rm /opt//a/../x", "rm /opt/x"},
		{`local f = io.open("/opt/x", "w")`, "io.open /opt/x"},
		{`local f = io.open('/opt/x', 'a+')`, "io.open /opt/x"},
		{`local f = io.open("/opt/x", "r")`, ""},
		{"# sed -i s/a/b/ /opt/x", ""},
		{"systemctl daemon-reload", ""},
	}
	for _, tt := range tests {
		var got []string
		for _, w := range writes(tt.script) {
			got = append(got, w.by+" "+w.file)
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.script, s, tt.want)
		}
	}
}

// No scriptlet, however it is written, makes the look at it fail, and what it finds stands
// in the script. Text without anything special is cut at blanks alone.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{"a 'b' \"c\" \\d > e <f", "$($($(", "$(a $(b) c) d", "`a`", "a >", "a >& b", "\"$(\"", "#", "a\\\n", strings.Repeat("$(", 50)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if len(script) > 4<<10 {
			return
		}
		for _, c := range commands(script) {
			if len(c.words)+len(c.outputs) == 0 {
				t.Errorf("%q: a command without words", script)
			}
		}
		for _, w := range writes(script) {
			if !strings.HasPrefix(w.file, "/") {
				t.Errorf("%q: %v is no absolute path", script, w)
			}
		}
		if !strings.ContainsAny(script, "\\'\"$`<>;&|()#\n\r\t") {
			want := strings.FieldsFunc(script, func(r rune) bool { return r == ' ' })
			var got []string
			for _, c := range commands(script) {
				got = append(got, c.words...)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) && !reflect.DeepEqual(got, want) {
				t.Errorf("%q: got %q", script, got)
			}
		}
	})
}
