package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

func TestLex(t *testing.T) {
	t.Parallel()
	kinds := map[Kind]string{Word: "w", Name: "n", String: "s", Sign: ""}
	for sql, want := range map[string]string{
		"CREATE Table t(A int) -- x":  "w:create w:table w:t :( w:a w:int :)",
		`"App Data"."x""y"`:           `n:App Data :. n:x"y`,
		"ENUM ('a', 'it''s', '')":     "w:enum :( s:a :, s:it's :, s: :)",
		"$$ a; b $$, $x$ $$ $x$":      "s: a; b  :, s: $$ ",
		"/* a /* b */ */ 1.5 /* open": "w:1 :. w:5",
		"'open":                       "s:open",
		"$a$ open":                    "s: open",
		"nextval('s'::regclass)":      "w:nextval :( s:s :: :: w:regclass :)",
		"E'\\'' x":                    "w:e s:\\' w:x",
	} {
		var got []string
		for _, token := range Lex(sql) {
			got = append(got, fmt.Sprintf("%s:%s", kinds[token.Kind], token.Text))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
	if tokens := Lex("a  'b'"); tokens[1].Offset != 3 || !tokens[0].Is("a") || tokens[1].Is("b") {
		t.Errorf("got %+v", tokens)
	}
}
