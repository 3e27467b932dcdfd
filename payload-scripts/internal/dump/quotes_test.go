package dump

import "testing"

func TestQuotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byte{
		"SELECT 1;\n":       0,
		"'a":                '\'',
		"'it''s":            '\'',
		"'it''s'":           0,
		`'a\'`:              0,
		`E'a\'`:             '\'',
		`E'it''s \'`:        '\'',
		`E'it''s \''`:       0,
		`E'a\\'`:            0,
		`e'\'';`:            0,
		`name'\'`:           0,
		`"a'b`:              '"',
		`"a'b""`:            '"',
		`"a'b"`:             0,
		"-- it's":           '-',
		"-- it's\n":         0,
		"a - -1":            0,
		"/* it's":           '*',
		"/* a /* b */ it's": '*',
		"/* a /* b */ c */": 0,
		"$$ it's":           '$',
		"$$ it's $$":        0,
		"$_$ it's $$ $_":    '$',
		"$_$ it's $$ $_$":   0,
		"$_$ $$_$":          0,
		"$1 + $2":           0,
		"a$b$ 'x'":          0,
		"$ü1$ ' $ü1$":       0,
		"'$$' $$ ' $$ '":    '\'',
		"1 / 2 * 3":         0,
		"'a' -- b\n 'c":     '\'',
	} {
		var q quotes
		for i := range len(text) { // in parts, too
			q.read([]byte(text[i : i+1]))
		}
		in := q.in
		if in == 't' {
			in = 0
		}
		if in != want {
			t.Errorf("%q ends in %q, want %q", text, in, want)
		}
	}
}
