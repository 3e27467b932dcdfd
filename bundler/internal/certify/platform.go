package certify

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
)

// platformGrammar is that of a release's platforms: distribution, its main version, architecture.
var platformGrammar = regexp.MustCompile(`^([a-z]+)([0-9]+)\.([a-z0-9_]+)$`)

// rebuilds are the distributions that count as "el": built from the same sources, with the same rpm and systemd.
var rebuilds = []string{"rhel", "centos", "rocky", "almalinux", "ol", "scientific"}

// CheckPlatform says whether a platform is written as a release writes it.
func CheckPlatform(platform string) error {
	if platformGrammar.MatchString(platform) {
		return nil
	}
	return exit.Errorf(exit.Usage, "distribution, main version, architecture: el7.x86_64, debian12.x86_64", "%q is no platform", platform)
}

// is says why the machine is not of a platform: a certificate must not speak of a machine
// that was not there.
func (f Facts) is(platform string) error {
	m := platformGrammar.FindStringSubmatch(platform)
	main, _, _ := strings.Cut(f.Version, ".")
	if m != nil && f.distribution() == m[1] && main == m[2] && f.Arch == m[3] {
		return nil
	}
	return exit.Errorf(exit.Usage, "name what it is: --platform "+f.distribution()+main+"."+f.Arch,
		"the machine is no %s: it is %s on %s", platform, f.System, f.Arch)
}

func (f Facts) distribution() string {
	if slices.Contains(rebuilds, f.ID) || slices.Contains(strings.Fields(f.like), "rhel") {
		return "el"
	}
	return f.ID
}

const factsScript = `. /etc/os-release
printf 'system=%s\nid=%s\nversion=%s\nlike=%s\n' "$PRETTY_NAME" "$ID" "$VERSION_ID" "$ID_LIKE"
printf 'arch=%s\nkernel=%s\nrpm=%s\nsystemd=%s\n' "$(uname -m)" "$(uname -r)" "$(rpm --version)" "$(systemctl --version | sed -n 1p)"`

// facts asks the machine what it is.
func (m Machine) facts(ctx context.Context) (Facts, error) {
	out, err := m.must(ctx, "ask the machine what it is", factsScript)
	if err != nil {
		return Facts{}, err
	}
	said := map[string]string{}
	for line := range strings.Lines(out) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			said[key] = value
		}
	}
	f := Facts{System: said["system"], ID: said["id"], Version: said["version"], like: said["like"], Arch: said["arch"], Kernel: said["kernel"],
		RPM: lastWord(said["rpm"]), Systemd: said["systemd"]}
	if f.ID == "" || f.Arch == "" {
		return f, fmt.Errorf("ask the machine what it is: it has no /etc/os-release that says so: %s", lastLines(out, 5))
	}
	return f, nil
}

func lastWord(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// merge adds the facts of another machine, which must be the same; what a failed scenario left open is no difference.
func (f *Facts) merge(other Facts) error {
	if f.ID == "" {
		*f = other
		return nil
	}
	if f.PostgreSQL == "" {
		f.PostgreSQL = other.PostgreSQL
	}
	if other.PostgreSQL == "" {
		other.PostgreSQL = f.PostgreSQL
	}
	if other.ID != "" && other != *f {
		return fmt.Errorf("its machine is another one: %+v, those before were %+v", other, *f)
	}
	return nil
}
