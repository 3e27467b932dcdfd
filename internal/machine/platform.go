package machine

import (
	"fmt"
	"slices"
	"strings"
)

// platform is a suite of Debian that stands for a distribution that customers run: with the same generation of rpm, dnf and systemd.
type platform struct {
	Name       string // as releases name it, without the architecture
	suite      string
	parts      []string // the suites that its packages come from
	postgresql string   // the main version of the suite's PostgreSQL
}

// Usual is the platform of a machine that asks for none.
const Usual = "debian12"

var platforms = []platform{
	{"debian11", "bullseye", []string{"bullseye", "bullseye-updates", "bullseye-security"}, "13"}, // EL9
	{Usual, "bookworm", []string{"bookworm", "bookworm-updates", "bookworm-security"}, "15"},
	{"debian13", "trixie", []string{"trixie", "trixie-updates", "trixie-security"}, "17"}, // EL10
	{"debian14", "forky", []string{"forky"}, "18"},                                        // Fedora; it moves
}

// Platforms are the names of all platforms, the oldest first.
func Platforms() (names []string) {
	for _, p := range platforms {
		names = append(names, p.Name)
	}
	return names
}

// platformOf finds a platform; "" is the usual one.
func platformOf(name string) (platform, error) {
	if name == "" {
		name = Usual
	}
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.Name == name })
	if i < 0 {
		return platform{}, fmt.Errorf("%q is no platform of the test machine; there are %s", name, strings.Join(Platforms(), ", "))
	}
	return platforms[i], nil
}

// fill writes the platform's versions into a text of the recipe.
func (p platform) fill(text string) string {
	return strings.ReplaceAll(text, "@POSTGRESQL@", p.postgresql)
}
