package scaffold

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// releaseFile is versions/<version>.yaml of a side that has none.
func (in Input) releaseFile(s Side) string {
	var b strings.Builder
	b.WriteString(in.modeline("../schemas/release.schema.json"))
	fmt.Fprintf(&b, "# %s. Made from its packages by bundler new; what they do not say is marked.\nversion: %s\n", s.Version, quoted(s.Version))
	if date := s.built(); date != "" {
		fmt.Fprintf(&b, "date: \"%s\" # when the last of its packages was built; the day of the release counts\n", date)
	} else {
		fmt.Fprintf(&b, "date: %s\n", undecided("the day of the release as YYYY-MM-DD; the packages do not say when they were built"))
	}
	status, why := "planned", " # supported from the day on which customers may have it"
	if s.Version == in.From.Version {
		status, why = "supported", " # taken for that, as customers have it; ended when it gets no fixes any more"
	}
	fmt.Fprintf(&b, "status: %s%s\n", status, why)
	b.WriteString(in.platforms(s))
	fmt.Fprintf(&b, "source: %s # where everybody who builds finds the packages: a folder, https://, s3:// or yum+https://\n", quoted(s.Source))
	if from := in.From.Release; from != nil && from.Key != "" {
		fmt.Fprintf(&b, "key: %s # as %s\n", from.Key, in.From.Version)
	}
	if s.Version == in.To.Version {
		fmt.Fprintf(&b, "# notes: %[1]s.md # versions/%[1]s.md tells customers what is new, in Markdown: in the RPM and on the download page\n", s.Version)
	}
	b.WriteString("components:\n")
	list := changes(in.From.Packages, in.To.Packages)
	for _, p := range in.ordered(s) {
		i := slices.IndexFunc(list, func(c change) bool { return c.name == p.Header.Name })
		in.component(&b, s, p, list[i])
	}
	return b.String()
}

func (in Input) component(b *strings.Builder, s Side, p Package, c change) {
	if s.Version == in.To.Version {
		switch {
		case c.old == nil:
			b.WriteString("  # new in this release\n")
		case c.backwards():
			fmt.Fprintf(b, "  # goes backwards: %s has %s\n", in.From.Version, evrOf(c.old.Header))
		}
	}
	fmt.Fprintf(b, "  - name: %s\n    evr: %s\n    arch: %s\n    sha256: %s\n    size: %d\n", p.Header.Name, quoted(evrOf(p.Header)), p.Header.Arch, p.SHA256, p.Size)
	if p.File != "" && (p.File != p.Header.FileName() || strings.HasSuffix(s.Source, ".rpm")) {
		fmt.Fprintf(b, "    source: %s # its file is named in a way of its own\n", quoted(path.Join(s.Source, p.File)))
	}
	if from := in.From.Release; from != nil && slices.ContainsFunc(from.Components, func(c release.Component) bool { return c.Name == p.Header.Name && c.Optional }) {
		b.WriteString("    optional: true\n")
	}
}

// ordered returns a side's packages in the order of the old release's file, those
// that are new behind them by name.
func (in Input) ordered(s Side) []Package {
	out := slices.Clone(s.Packages)
	if in.From.Release == nil {
		return out
	}
	place := func(p Package) int {
		i := slices.IndexFunc(in.From.Release.Components, func(c release.Component) bool { return c.Name == p.Header.Name })
		if i < 0 {
			return len(in.From.Release.Components)
		}
		return i
	}
	slices.SortStableFunc(out, func(a, b Package) int { return place(a) - place(b) })
	return out
}

// built is the day on which the last package was built (RPMTAG_BUILDTIME), "" when none says it.
func (s Side) built() string {
	last := int64(0)
	for _, p := range s.Packages {
		last = max(last, p.Header.Lib.BuildTime().Unix())
	}
	if last == 0 {
		return ""
	}
	return time.Unix(last, 0).UTC().Format(time.DateOnly)
}

var distribution = regexp.MustCompile(`\.(el[0-9]+)(?:[._]|$)`)

// platforms are the old release's, or what the packages' names say.
func (in Input) platforms(s Side) string {
	if from := in.From.Release; from != nil {
		return fmt.Sprintf("platforms: [%s] # as %s\n", strings.Join(from.Platforms, ", "), in.From.Version)
	}
	system, machine := "", ""
	for _, p := range s.Packages {
		if m := distribution.FindStringSubmatch(p.Header.Release); m != nil {
			system = m[1]
		}
		if p.Header.Arch != "noarch" {
			machine = p.Header.Arch
		}
	}
	if system == "" || machine == "" {
		return fmt.Sprintf("platforms: [%s]\n", undecided("what it runs on, e.g. el7.x86_64"))
	}
	return fmt.Sprintf("platforms: [%s.%s] # as its packages are named\n", system, machine)
}

// modeline lets editors find the schema, when the project has it.
func (in Input) modeline(schema string) string {
	if _, err := os.Stat(filepath.Join(in.Catalog.Root, "schemas", filepath.Base(schema))); err != nil {
		return ""
	}
	return "# yaml-language-server: $schema=" + schema + "\n"
}

// undecided is a value that a person must replace; check shows what it says.
func undecided(what string) string { return strconv.Quote(strictyaml.Undecided + " " + plain(what)) }

var plainScalar = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/._+~^-]*$|^[0-9]+(\.[0-9]+){2,}[A-Za-z0-9._+~^-]*$`)

// quoted writes a value so that YAML takes it for text.
func quoted(s string) string {
	if plainScalar.MatchString(s) && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(s)) {
		return s
	}
	return strconv.Quote(s)
}

// plain takes out of foreign text what a YAML file must not hold, and keeps it on one line.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))), " ")
}
