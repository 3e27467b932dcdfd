package release

import (
	"os"
	"path/filepath"
	"strings"
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
		bare, marks := blank(tt.sql)
		top := 0
		for _, m := range marks {
			if m.top {
				top++
			}
		}
		if bare != tt.bare || top != tt.top {
			t.Errorf("%q: got %q and %d, want %q and %d", tt.sql, bare, top, tt.bare, tt.top)
		}
	}
}

func FuzzMigration(f *testing.F) {
	real, err := filepath.Glob("../../../specs/*/migrations/*.sql")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range real {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	for _, seed := range []string{"-- +goose Up\nSELECT ';\n';\n-- +goose Down\n$$;$$", "/* /* */ E'\\'", "-- +goose StatementBegin\n-- +goose StatementEnd", "$a$;$a", "-- +goose Up\r\nx;\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		bare, marks := blank(src)
		if len(bare) != len(src) || strings.Count(bare, "\n") != strings.Count(src, "\n") || len(marks) != strings.Count(src, ";") {
			t.Fatalf("%q: lengths, lines or semicolons do not agree: %q", src, bare)
		}
		m := Migration{File: "1_expand_x.sql"}
		r := &reader{}
		g := gooseFile{file: m.File, into: &r.mistakes}
		g.read(src)
		for _, m := range r.mistakes {
			if m.Line < 1 || m.Line > strings.Count(src, "\n")+1 {
				t.Errorf("%v is not in the file", m)
			}
		}
	})
}
