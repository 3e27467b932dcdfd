package docs_test

import (
	"slices"
	"testing"

	"onerpm/test/docs"
)

// TestMissing: numbers may differ, words may not.
func TestMissing(t *testing.T) {
	t.Parallel()
	const printed = "+ switch   shut the door   8ms\r\n\x1b[2K[x] prepare  [>] switch  to 4.2.0   1m12s\n  [#---] 3% rpm: a-1.0-1.noarch\nnothing else\n"
	for shown, want := range map[string][]string{
		"+ switch   shut the door                 100ms\n":                               nil,
		"[x] prepare  [>] switch  to 4.2.0   9.3s\n\n":                                   nil,
		"  [##############------] 72% rpm: cloudify-rest-service-4.2.0-ga.x86_64\n":      nil,
		"  [--------------------] 0% yum: b-1\n":                                         {"  [--------------------] 0% yum: b-1"},
		"+ switch   open the door                 100ms\nnothing else\nnothing at all\n": {"+ switch   open the door                 100ms", "nothing at all"},
		"[>] prepare  [>] switch  to 4.2.0   9.3s\n":                                     {"[>] prepare  [>] switch  to 4.2.0   9.3s"},
	} {
		if got := docs.Missing(shown, printed); !slices.Equal(got, want) {
			t.Errorf("%q: missing %q, want %q", shown, got, want)
		}
	}
	page, err := docs.Read("a.md", "```sh here\nls\n```\nshows\n```text output\na\n```\n```sh here\nls\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := docs.Shown(page, page.Blocks[0]); got != "a\n" {
		t.Errorf("shown is %q", got)
	}
	if got := docs.Shown(page, page.Blocks[2]); got != "" {
		t.Errorf("shown is %q", got)
	}
}
