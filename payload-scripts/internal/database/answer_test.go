package database

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

func text(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }

// TestAnswerString: what a finding shows of a product's rows is bounded, on one line, without secrets.
func TestAnswerString(t *testing.T) {
	t.Parallel()
	many := Answer{Columns: []string{"n"}}
	var ten []string
	for i := range RowsShown + 1 {
		many.Rows = append(many.Rows, []sql.NullString{text(fmt.Sprint(i))})
		if i < RowsShown {
			ten = append(ten, fmt.Sprintf("n=%d", i))
		}
	}
	for name, c := range map[string]struct {
		a    Answer
		want string
	}{
		"nothing":      {Answer{Columns: []string{"a"}}, ""},
		"two rows":     {Answer{[]string{"a", "b"}, [][]sql.NullString{{text("1"), {}}, {text("x  y\n z"), text("")}}}, "a=1 b=NULL; a=x y z b="},
		"secrets":      {Answer{[]string{"name", "password", "url"}, [][]sql.NullString{{text("u"), text("S3cret and more"), text("amqp://u:S3/cret@h/")}}}, "name=u password=(hidden) url=amqp://u:(hidden)@h/"},
		"a row's key":  {Answer{[]string{"key"}, [][]sql.NullString{{text("colour")}}}, "key=colour"},
		"a long value": {Answer{[]string{"a"}, [][]sql.NullString{{text(strings.Repeat("é", 100))}}}, "a=" + strings.Repeat("é", 60) + "..."},
		"many rows":    {many, strings.Join(ten, "; ") + "; and more"},
	} {
		if got := c.a.String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
