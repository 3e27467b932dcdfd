// Package starter writes the start of a project: what there is before its first release. What an answer was given for
// is there, each key with what it means; what only a person can know begins with DECIDE, as in what bundler new writes.
//
// It guesses the product's name alone, from the folder's: that is shown to people and can be changed on any day. The
// prefix is proposed and not set, because it is the name of what customers install and cannot be changed later.
package starter

import (
	"embed"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/scaffold"
	"onerpm/bundler/internal/strictyaml"
)

// Answers are what is known of the product; "" for what nobody said.
type Answers struct {
	Folder     string // of the project, of which the name is guessed
	Name       string
	Prefix     string
	Vendor     string
	License    string
	URL        string
	Source     string
	PostgreSQL string
	Editions   []string
	Pipeline   string // one of Pipelines
}

// Pipelines are the systems for which a pipeline can be written, and none.
var Pipelines = []string{"github", "jenkins", "none"}

// Where a pipeline is written.
var pipelines = map[string]struct{ asset, path string }{
	"github":  {"github-actions.yml", ".github/workflows/upgrade.yml"},
	"jenkins": {"Jenkinsfile", "Jenkinsfile"},
}

//go:embed assets
var assets embed.FS

// Ignore is the file that keeps what is made out of the repository.
const Ignore = ".gitignore"

// Files are the project's first files, in the order in which they are read. Error: exit.Usage for a pipeline that there is none of.
func Files(a Answers) ([]scaffold.File, error) {
	p, known := pipelines[a.Pipeline]
	if !known && a.Pipeline != "none" {
		return nil, exit.Errorf(exit.Usage, "choose one of "+strings.Join(Pipelines, ", "), "there is no pipeline for %q", a.Pipeline)
	}
	list := [][2]string{{"product.yaml", "versions/product.yaml"}, {"installed-base.yaml", "versions/installed-base.yaml"}, {"gitignore", Ignore}}
	if known {
		list = append(list, [2]string{p.asset, p.path})
	}
	var files []scaffold.File
	for _, f := range list {
		text, err := a.fill(f[0])
		if err != nil {
			return nil, err
		}
		files = append(files, scaffold.File{Path: f[1], Data: []byte(text)})
	}
	return files, nil
}

func (a Answers) fill(asset string) (string, error) {
	t, err := template.New(asset).Delims("[[", "]]").Option("missingkey=error").ParseFS(assets, "assets/"+asset)
	if err != nil {
		return "", err
	}
	name, prefix := slug(a.Folder)
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Name": line("product", a.Name, name, "the product's name, for people"), "NameNote": a.Name == "" && name != "",
		"Prefix":  line("prefix", a.Prefix, "", "the first part of every bundle's name, for good; "+prefix+", perhaps"),
		"Vendor":  line("vendor", a.Vendor, "", "who makes the bundles"),
		"License": line("license", a.License, "", "the bundles' license, as in rpm's License tag"),
		"URL":     optional("url", a.URL, "https://example.org"), "Source": optional("source", a.Source, "https://packages.example.org/releases/"),
		"PostgreSQL": optional("postgresql", a.PostgreSQL, "9.5"), "Editions": a.editions(),
	})
	return b.String(), err
}

// line is a key with what was answered, what is guessed, or what is to be decided.
func line(key, answer, guess, decide string) string {
	switch {
	case answer != "":
		return key + ": " + quoted(answer)
	case guess != "":
		return key + ": " + quoted(guess)
	}
	return key + ": " + quoted(strictyaml.Undecided+" "+decide)
}

// optional is a key with what was answered, or an example that is not read.
func optional(key, answer, example string) string {
	if answer == "" {
		return "# " + key + ": " + quoted(example)
	}
	return key + ": " + quoted(answer)
}

func (a Answers) editions() string {
	if len(a.Editions) == 0 {
		return "# editions: [community]"
	}
	var list []string
	for _, e := range a.Editions {
		list = append(list, quoted(e))
	}
	return "editions: [" + strings.Join(list, ", ") + "]"
}

var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9/._-]*( [A-Za-z][A-Za-z0-9/._-]*)+$|^[A-Za-z][A-Za-z0-9._-]*-[A-Za-z0-9._-]*$`)

// quoted writes a value so that YAML takes it for text.
func quoted(s string) string {
	if word.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

var (
	purpose = regexp.MustCompile(`(?i)[-_. ]*(upgrades?|updates?|bundles?)$`)
	other   = regexp.MustCompile(`[^a-z0-9]+`)
)

// slug takes a product's name and a proposal for the prefix out of a folder's name.
func slug(folder string) (name, prefix string) {
	name = purpose.ReplaceAllString(filepath.Base(folder), "")
	short := strings.Trim(other.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if short == "" || short[0] < 'a' {
		return "", "product-upgrade"
	}
	return name, short + "-upgrade"
}
