package sqltext

import (
	"testing"
)

func TestBlank(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sql, bare string
		top       int // statements that end
	}{
		{"a; b;", "a; b;", 2},
		{"a ';' b;", "a     b;", 1},
		{"'it''s;';", "        ;", 1},
		{`E'\';' ;`, "E      ;", 1},
		{`'\';`, "   ;", 1}, // no escapes without E
		{`name'\';`, "name   ;", 1},
		{`";" "a"";";`, "          ;", 1},
		{"-- a;\nb;", "     \nb;", 1},
		{"/* ; /* ; */ ; */ b;", "                  b;", 1},
		{"$$ ; $$;", "       ;", 1},
		{"$a$ $$ ; $a$;", "            ;", 1},
		{"$1;$2;", "$1;$2;", 2},
		{"a$b$;", "a$b$;", 1}, // part of a name
		{"'open;", "      ", 0},
		{"/* open;", "        ", 0},
		{"$x$ open;", "         ", 0},
	}
	for _, tt := range tests {
		bare, marks := Blank(tt.sql)
		top := 0
		for _, m := range marks {
			if m.Top {
				top++
			}
		}
		if bare != tt.bare || top != tt.top {
			t.Errorf("%q: got %q and %d, want %q and %d", tt.sql, bare, top, tt.bare, tt.top)
		}
	}
}
