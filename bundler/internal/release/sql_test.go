package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/sqltext"
)

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
		bare, marks := sqltext.Blank(src)
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
