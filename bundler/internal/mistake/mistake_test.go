package mistake_test

import (
	"testing"

	"onerpm/bundler/internal/mistake"
)

func TestList(t *testing.T) {
	t.Parallel()
	var l mistake.List
	if l.Err() != nil {
		t.Error("an empty list is an error")
	}
	l.Add(mistake.Mistake{File: "b.yaml", Line: 2, Column: 3, What: "wrong", Allowed: "allowed: x"})
	l.Add(mistake.Mistake{File: "b.yaml", Line: 2, Column: 3, What: "wrong, too"}) // follows from the first
	l.Add(mistake.Mistake{File: "b.yaml", Line: 1, What: "a line"})
	l.Add(mistake.Mistake{File: "a.yaml", What: "a file"})
	l.Add(mistake.Mistake{File: "a.yaml", What: "the same file"}) // without a place both count
	l.Sort()
	want := "a.yaml: a file\na.yaml: the same file\nb.yaml:1: a line\nb.yaml:2:3: wrong; allowed: x"
	if got := l.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
