package rpm

import (
	"slices"
	"testing"
)

// TestParseRelocated reads what rpm 4.18 prints for packages at their place and elsewhere.
func TestParseRelocated(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"none installed":               {"package cli is not installed\n", nil},
		"not relocatable":              {"=cli\t\t\t\t\n", nil},
		"at its place":                 {"=cli\t/opt/cli:\t/opt/cli:\t\t\n", nil},
		"relocated":                    {"=cli\t/opt/cli:\t/srv/cli:\t/opt/cli/:\t/srv/cli/:\n", []string{"cli (/opt/cli is at /srv/cli)"}},
		"the second of two places":     {"=cli\t/opt/cli:/var/cli:\t/opt/cli:/srv/v:\t\t\n", []string{"cli (/var/cli is at /srv/v)"}},
		"with --badreloc":              {"=cli\t\t\t/opt/:/opt/cli/bin/:\t/opt/:/srv/cli/bin/:\n", []string{"cli (/opt/cli/bin/ is at /srv/cli/bin/)"}},
		"asked for the place it has":   {"=cli\t\t\t/opt/cli/:\t/opt/cli/:\n", nil},
		"two packages, one relocated":  {"=a\t\t\t\t\n=b\t/b:\t/c:\t\t\n", []string{"b (/b is at /c)"}},
		"a line that is cut off is no": {"=cli\t/opt/cli:\n", nil},
	} {
		if got := parseRelocated(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
