// Package scriptlets holds the shell that a bundle brings along: its %pre, which
// is the gate, %post, %posttrans and %postun, and the command <p>; and the unit that
// runs the engine.
//
// They promise to run on /bin/sh of EL7 to EL10 and on dash, to install nothing
// (rpm inside a scriptlet fails or hangs), to touch nothing of the product, and that
// none but %pre ever fails.
package scriptlets

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"onerpm/internal/manifest"
)

//go:embed *.sh engine.service
var sources embed.FS

// Texts are the scriptlets of one bundle, for /bin/sh.
type Texts struct{ Pre, Post, Posttrans, Postun string }

// Space is what the gate demands to be free, in KiB.
type Space struct {
	Opt int64 // below /opt
	Var int64 // below /var/lib
}

// Made are the files that %post makes by asking the engine, where the host has their
// folders: the man page and the completion. Every bundle of a product owns them
// and none brings them along, because each engine knows its own commands.
func Made(prefix string) []string {
	v := place("", prefix, "")
	return []string{v.Manual8, v.Completion}
}

// Render returns the scriptlets of the bundle that m describes.
func Render(m *manifest.Manifest, space Space) (Texts, error) { return render("", m, space) }

// Wrapper returns the command <p>; it depends on the prefix alone, so that all
// bundles of a product may own it.
func Wrapper(prefix string) ([]byte, error) {
	s, err := execute("wrapper.sh", place("", prefix, ""))
	return []byte(s), err
}

// Unit returns the systemd unit that runs the engine of the attempt under way.
func Unit(m *manifest.Manifest) ([]byte, error) {
	v := place("", m.Prefix, m.To)
	v.Product, v.From = m.Product, m.From
	s, err := execute("engine.service", v)
	return []byte(s), err
}

func render(root string, m *manifest.Manifest, space Space) (Texts, error) {
	v := place(root, m.Prefix, m.To)
	v.Product, v.From, v.Space = m.Product, m.From, space
	v.Releases, v.Names = releases(m), names(m)
	var t Texts
	for name, text := range map[string]*string{
		"pre.sh": &t.Pre, "post.sh": &t.Post, "posttrans.sh": &t.Posttrans, "postun.sh": &t.Postun,
	} {
		s, err := execute(name, v)
		if err != nil {
			return Texts{}, err
		}
		*text = s
	}
	return t, nil
}

// values are what the templates are filled with.
type values struct {
	Product, Prefix, Bundle, From, To string
	Var, Opt, Engine, Systemd, Marker string
	Note                              string // why no upgrade was started
	Gate                              string // what the gate refused last
	Manual8, Completion               string
	Space                             Space
	Releases                          []release
	Names                             []string
}

// place returns the values that are places on the host, below root, which is empty but in tests.
func place(root, prefix, to string) values {
	return values{
		Prefix: prefix, To: to, Bundle: prefix + "-" + to,
		Var: root + "/var/lib/" + prefix, Opt: root + "/opt/" + prefix, Engine: root + "/opt/" + prefix + "/" + to + "/bin/engine",
		Manual8: root + "/usr/share/man/man8/" + prefix + ".8", Completion: root + "/usr/share/bash-completion/completions/" + prefix,
		Systemd: root + "/run/systemd/system", Marker: "first-install-" + to,
		Note: "not-started-" + to + ".json", Gate: "gate-refused",
	}
}

// Versions are the releases that can be recognised, oldest first.
func (v values) Versions() []string {
	var out []string
	for _, r := range v.Releases {
		out = append(out, r.Version)
	}
	return out
}

// release is a known release with the way from it to the bundle's target.
type release struct {
	manifest.Release
	Way  string // "1 > 2 > 3", "" when there is none
	Take string // the bundle to install on it, "" likewise
}

func releases(m *manifest.Manifest) []release {
	next := map[string]string{}
	for _, r := range m.Known {
		next[r.Version] = r.Next
	}
	var out []release
	for _, r := range m.Known {
		k := release{Release: r}
		way := []string{r.Version}
		// The bound is for a circle of jumps, which would be a mistake elsewhere.
		for v := next[r.Version]; v != "" && len(way) <= len(m.Known); v = next[v] {
			way = append(way, v)
			if v == m.To {
				k.Way, k.Take = strings.Join(way, " > "), m.Prefix+"-"+way[1]
				break
			}
		}
		out = append(out, k)
	}
	return out
}

// names returns every package that belongs to the product in any known release, sorted.
func names(m *manifest.Manifest) []string {
	var out []string
	for _, r := range m.Known {
		for _, p := range r.Packages {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func execute(name string, v values) (string, error) {
	t, err := template.New(name).Funcs(template.FuncMap{
		"q": quote, "join": func(s []string) string { return strings.Join(s, " ") }, "line": line,
	}).Option("missingkey=error").ParseFS(sources, name)
	if err != nil {
		return "", fmt.Errorf("read the scriptlet %s: %w", name, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", fmt.Errorf("fill the scriptlet %s: %w", name, err)
	}
	return b.String(), nil
}

// line is how the gate notes a package.
func line(k manifest.Known) string {
	need := "required"
	if k.Optional {
		need = "optional"
	}
	return need + " " + k.Name + " " + k.EVR
}

// quote makes s one word for the shell, whatever is in it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
