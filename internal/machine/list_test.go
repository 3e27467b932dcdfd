package machine

import (
	"slices"
	"testing"
)

func TestSplitArgs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"":                         nil,
		"\x00":                     nil,
		"a\x00":                    {"a"},
		"rpm\x00-U\x00a b.rpm\x00": {"rpm", "-U", "a b.rpm"},
		"sh\x00-c\x00\x00x\x00":    {"sh", "-c", "", "x"},
		"postgres: 15/main: checkpointer \x00\x00\x00\x00": {"postgres", "15/main:", "checkpointer"},
	} {
		if got := splitArgs([]byte(line)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestProcessIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want bool
	}{
		{[]string{"/usr/bin/rpm", "-U"}, true}, {[]string{"rpm"}, true}, {[]string{"rpm2cpio"}, false}, {nil, false}, {[]string{"sh", "rpm"}, false},
	} {
		if got := (Process{Args: c.args}).Is("rpm"); got != c.want {
			t.Errorf("%q runs rpm: %v, want %v", c.args, got, c.want)
		}
	}
}
