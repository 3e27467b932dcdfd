package console

import (
	"errors"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/advice"
)

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestConsole(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	c := &Console{Out: &out, Err: &errs, Typed: "wait"}
	failed := advice.With(errors.New("it is locked"), "wait a moment")
	if code := c.Fail(failed, "try again", 3); code != 3 || out.String() != "" || errs.String() != "error: it is locked; wait a moment\n" || c.People() == nil {
		t.Errorf("people: exit %d, %q, %q", code, out.String(), errs.String())
	}
	errs.Reset()
	c.JSON = true
	if code := c.Fail(failed, "try again", 3); code != 3 || errs.String() != "" || c.People() != nil ||
		out.String() != "{\n \"failed\": \"wait\",\n \"why\": \"it is locked\",\n \"do\": \"wait a moment\",\n \"exit_code\": 3\n}\n" {
		t.Errorf("programs: exit %d, %q, %q", code, out.String(), errs.String())
	}
	c.Out = full{}
	if code := c.Encode(1, 0); code != Broken || !strings.Contains(errs.String(), "the disk is full") {
		t.Errorf("it cannot be written: exit %d, %q", code, errs.String())
	}
	if !Asks("--json") || !Asks("-json") || Asks("json") || Asks("--json=false") {
		t.Error("the flag is not known")
	}
}
