package machine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text string
		want             []string // what must be in the files written, in order; none: no file
		platform         string
	}{
		{name: "none", file: "sources.list"},
		{"of another suite", "sources.list.d/debian.sources", "Types: deb\nURIs: mirror:/debian\nSuites: bookworm bookworm-updates bookworm-backports\nComponents: main\n\n" +
			"Types: deb\nURIs: mirror:/security\nSuites: bookworm-security\nComponents: main\n",
			[]string{"Types: deb\nURIs: mirror:/debian\nSuites: trixie trixie-updates\nComponents: main\n\nTypes: deb\nURIs: mirror:/security\nSuites: trixie-security\nComponents: main\n\n"}, "debian13"},
		{"of one without updates", "sources.list", "deb mirror:/debian bookworm main\ndeb mirror:/debian bookworm-updates main\n", []string{"deb mirror:/debian forky main\n"}, "debian14"},
		{"lines", "sources.list", "# deb mirror bookworm main\ndeb [signed-by=/k.gpg] mirror:/debian bookworm main contrib\n" +
			"deb-src mirror:/debian bookworm main\ndeb mirror:/debian trixie main\ndeb mirror:/other bookworm stable\n",
			[]string{"deb [signed-by=/k.gpg] mirror:/debian bookworm main contrib\n"}, ""},
		{"a list beside it", "sources.list.d/x.list", "deb mirror:/debian bookworm-updates main\n", []string{"deb mirror:/debian bookworm-updates main\n"}, ""},
		{"stanzas", "sources.list.d/debian.sources", "Types: deb\n# a snapshot\nURIs: mirror:/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n" +
			"Types: deb\nURIs: mirror:/tool\nSuites: nodistro\nComponents: main\n\nEnabled: no\nTypes: deb\nURIs: mirror:/off\nSuites: bookworm\nComponents: main\n",
			[]string{"Types: deb\nURIs: mirror:/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n"}, ""},
		{"disabled by name", "sources.list.d/x.sources.off", "Types: deb\nURIs: a\nSuites: bookworm\nComponents: main\n", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			etc, out := t.TempDir(), t.TempDir()
			path := filepath.Join(etc, c.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := platformOf(c.platform)
			if err != nil {
				t.Fatal(err)
			}
			files, err := writeSources(etc, out, p)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(text))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
