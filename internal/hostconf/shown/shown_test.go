package shown

import (
	"strings"
	"testing"
	"unicode/utf8"

	"onerpm/internal/hostconf/syntax"
	"onerpm/internal/redact"
)

func text(s string) *syntax.Node { return &syntax.Node{Kind: syntax.String, Text: s} }

// TestValue writes each kind of value, and no secret: neither one that is marked, nor one below a secret's key.
func TestValue(t *testing.T) {
	t.Parallel()
	mapping := &syntax.Node{Kind: syntax.Mapping, Keys: []*syntax.Entry{{Key: "password", Value: text("S3cretValue")}, {Key: "port", Value: &syntax.Node{Kind: syntax.Number, Text: "80"}}}}
	for want, c := range map[string]struct {
		path string
		node *syntax.Node
	}{
		Absent:             {"a", nil},
		"null":             {"a", &syntax.Node{Kind: syntax.Null}},
		"true":             {"password", &syntax.Node{Kind: syntax.Bool, Text: "true"}},
		`"x"`:              {"a", text("x")},
		`["x", "y"]`:       {"a", &syntax.Node{Kind: syntax.List, Items: []*syntax.Node{text("x"), text("y")}}},
		redact.Hidden + "": {"a", &syntax.Node{Kind: syntax.String, Text: "S3cretValue", Secret: true}},
		"{password: " + redact.Hidden + ", port: 80}": {"a", mapping},
	} {
		if got := Value(c.path, c.node); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Value("a", text(strings.Repeat("ä", 300))); len(got) > most+3 || !utf8.ValidString(got) || !strings.HasSuffix(got, "...") {
		t.Errorf("a long value: %q", got)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	if Lines(nil) != Absent || Lines([]string{"a", "b\xff"}) != "a\nb?" {
		t.Errorf("%q, %q", Lines(nil), Lines([]string{"a", "b\xff"}))
	}
}
