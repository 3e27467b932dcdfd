package sqltext

import (
	"slices"
	"strings"
	"testing"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string][]string{
		"":                        nil,
		" \n-- only a comment;\n": nil,
		"a; b":                    {"a", " b"},
		"a ';'; \"b;\"; -- end":   {"a ';'", " \"b;\""},
		"DO $x$ a; b; $x$; c;":    {"DO $x$ a; b; $x$", " c"},
		";;":                      {"", ""},
	} {
		if got := Statements(sql); !slices.Equal(got, want) {
			t.Errorf("%q: got %q", sql, got)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"ALTER TABLE Logs ADD x int -- events":    "alter table logs add x int",
		`UPDATE "App Data"."Lamp""s" SET a='b'`:   `update App Data . Lamp"s set a =`,
		"DO $$ BEGIN UPDATE t SET x = $1; END $$": "do begin update t set x = $ 1 ; end",
		"DO $a$ SELECT $b$ x $b$ $a$":             "do select x",
		"/* events */ SELECT 1.5, é":              "select 1 . 5 , é",
		"$a$ open":                                "open",
		`"open`:                                   "open",
		"CREATE INDEX i$2 ON t(b)":                "create index i$2 on t ( b )",
	} {
		if got := strings.Join(Tokens(sql), " "); got != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"a; 'b' \"c\"", "$x$ $y$ a $y$ $x$", "$", "\"", "E'\\'' /* /* */ */", "$$", "$a$$a$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, token := range Tokens(sql) {
			if !strings.Contains(strings.ToLower(sql), strings.ReplaceAll(strings.ToLower(token), `"`, "")) && !strings.Contains(token, `"`) {
				t.Errorf("%q is not in %q", token, sql)
			}
		}
		text := strings.Join(Statements(sql), ";")
		if !strings.HasPrefix(sql, text) {
			t.Errorf("%q does not begin with %q", sql, text)
		}
	})
}

// TestTokensOfLargeText: what is not closed is not looked for again and again.
func TestTokensOfLargeText(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"$a$ ", "a$b ", `"a`, "'a", "/* ", "$ "} {
		if n := len(Tokens(strings.Repeat(part, 1<<20))); n > 2<<20 {
			t.Errorf("%q: %d tokens", part, n)
		}
	}
}
