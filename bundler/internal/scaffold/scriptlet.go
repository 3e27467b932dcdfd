package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/rpmpkg"
)

// scriptlet is one that rpm runs in the jump's transaction.
type scriptlet struct {
	nvr   string
	name  string // of the package
	kind  string
	prog  string
	body  string
	old   bool     // of the old release's package
	when  string   // "runs ...": when rpm runs it
	ask   bool     // check demands a decision
	finds []string // what in it wants a look
}

// running returns what rpm runs in the jump's transaction, triggers too.
func running(list []change) []scriptlet {
	var changes []plan.Change
	headers := plan.Headers{Old: map[string]*rpmpkg.Package{}, New: map[string]*rpmpkg.Package{}}
	for _, c := range list {
		kind := plan.Unchanged
		switch {
		case c.old == nil:
			kind = plan.Added
		case c.new == nil:
			kind = plan.Removed
		case c.moves():
			kind = plan.Changed
		}
		changes = append(changes, plan.Change{Name: c.name, Kind: kind})
		if c.old != nil {
			headers.Old[c.name] = c.old.Header
		}
		if c.new != nil {
			headers.New[c.name] = c.new.Header
		}
		if kind == plan.Unchanged {
			headers.Old[c.name] = headers.New[c.name]
		}
	}
	var out []scriptlet
	for _, s := range plan.Scripts(changes, headers) {
		out = append(out, scriptlet{nvr: s.NVR, name: s.Package, kind: s.Kind, prog: strings.Join(s.Interpreter, " "), body: s.Body,
			old: s.Old, when: s.When, ask: s.Ask, finds: judge(s.Scriptlet)})
	}
	return out
}

// commands are a shell script's lines without comments and what does nothing.
func commands(body string) []string {
	var out []string
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); line != "" && line != ":" && line != "exit 0" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

var (
	deletes   = regexp.MustCompile(`\b(?:rm\s+(?:-\S+\s+)+|rmdir\s+(?:-\S+\s+)*)([^;&|]+)`)
	servicing = regexp.MustCompile(`\b(?:systemctl\s+(?:-\S+\s+)*(stop|disable|mask|restart|start|kill)\s+[^;&|]+|service\s+\S+\s+(?:stop|restart)|(?:p?kill|killall)\s+[^;&|]+)`)
	accounts  = regexp.MustCompile(`\b(?:userdel|groupdel)\s+[^;&|]+`)
	variable  = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
)

// judge tells what a person would stumble over in a shell scriptlet, most of it from
// real packages. It is a reader's aid: what it does not see may be there.
func judge(s rpmpkg.Scriptlet) []string {
	var out []string
	acts := false
	for _, line := range commands(s.Body) {
		for _, m := range deletes.FindAllStringSubmatch(line, -1) {
			out, acts = append(out, "deletes "+strings.TrimSpace(m[1])), true
			for _, v := range variable.FindAllStringSubmatch(m[1], -1) {
				if !assigned(s.Body, v[1]) {
					out = append(out, fmt.Sprintf("nothing sets $%s, so it is empty there", v[1]))
				}
			}
		}
		for _, find := range []*regexp.Regexp{servicing, accounts} {
			for _, m := range find.FindAllString(line, -1) {
				out, acts = append(out, "runs "+strings.TrimSpace(m)), true
			}
		}
	}
	removal := s.Kind == "preun" || s.Kind == "postun"
	if removal && acts && !strings.Contains(s.Body, "$1") && !strings.Contains(s.Body, "${1") {
		out = append(out, "it does not look at $1: on an upgrade it does what it does on a removal")
	}
	return out
}

func assigned(body, name string) bool {
	found, err := regexp.MatchString(`(?m)(^|[\s;])`+name+`=|\bread\s+([^;]*\s)?`+name+`\b|\bfor\s+`+name+`\b`, body)
	return err == nil && found
}

const (
	maxBodyLines = 25
	maxBodyWide  = 140
)

// shown is a scriptlet's body as comment lines with an indent.
func (s scriptlet) shown(indent string) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimRight(s.body, "\n"), "\n")
	for i, line := range lines {
		if i == maxBodyLines {
			fmt.Fprintf(&b, "%s#   | ... and %d lines more\n", indent, len(lines)-i)
			break
		}
		line = strings.TrimRight(clean(line), " ")
		if len([]rune(line)) > maxBodyWide {
			line = string([]rune(line)[:maxBodyWide]) + " ..."
		}
		b.WriteString(strings.TrimRight(indent+"#   | "+line, " ") + "\n")
	}
	return b.String()
}

// clean keeps a line's spaces, and takes out what is no text.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
}

var made = regexp.MustCompile(`\b(?:mkdir|install)\s+(?:-\S+\s+)*((?:/[A-Za-z0-9._@%+-]+){2,})`)

// folders finds folders that the new packages' scriptlets make and that no package owns.
func folders(list []scriptlet, packages []Package) []string {
	owned := map[string]bool{}
	for _, p := range packages {
		for _, f := range p.Header.Files() {
			owned[f.Path] = true
		}
	}
	var out []string
	for _, s := range list {
		for _, m := range made.FindAllStringSubmatch(s.body, -1) {
			if !s.old && !owned[m[1]] {
				out = append(out, m[1])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
