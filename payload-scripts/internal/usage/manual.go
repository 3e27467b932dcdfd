package usage

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Manual writes the man page, in man(7)'s language. It holds no version and no date.
func (m Program) Manual(w io.Writer) {
	prefix := m.Prefix
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	name := roff(prefix)
	p(`.TH %s 8 "" "" "System Administration"`, strings.ToUpper(name))
	p(".SH NAME\n%s \\- upgrade this host in place", name)
	p(".SH SYNOPSIS\n.B %s\n.I COMMAND\n.RB [ \\-\\-json ]\n.RI [ flags ]", name)
	p(".SH DESCRIPTION\nA bundle is one package that upgrades a product on this host from one release to the next. Installing it checks the host and starts the upgrade, which " +
		"then runs by itself, over a reboot too, and ends as the new release or, if anything fails before it is complete, as the old one.\n" +
		"This command works with the upgrade under way or, when there is none, with the newest bundle that is installed.")
	p(".SH COMMANDS")
	for _, c := range m.shown() {
		p(".TP\n.B %s", roff(c.Name))
		p("%s.", roff(strings.ToUpper(c.What[:1])+c.What[1:]))
		if c.More != "" {
			p("%s", roff(c.More))
		}
		c.eachFlag(func(flagName, arg, what string) {
			if arg != "" {
				arg = " \\fI" + roff(arg) + "\\fR"
			}
			p(".RS\n.TP\n\\fB\\-\\-%s\\fR%s\n%s.\n.RE", roff(flagName), arg, roff(strings.ToUpper(what[:1])+what[1:]))
		})
	}
	p(".TP\n.B help\n.RI [ COMMAND ]\nShow the usage.")
	for _, t := range m.Topics {
		p(".RS\n.TP\n.B %s\n%s.\n.RE", roff(t.Name), roff(strings.ToUpper(t.What[:1])+t.What[1:]))
	}
	p(".SH EXIT STATUS")
	for _, x := range m.Codes {
		p(".TP\n.B %d\n%s.", x.Code, roff(strings.ToUpper(x.What[:1])+x.What[1:]))
	}
	p(".SH FILES")
	for _, f := range [][2]string{
		{"/etc/" + prefix + "/upgrade.conf", "Settings (optional)."},
		{"/etc/" + prefix + "/manual", "If it exists, no upgrade starts by itself."},
		{"/etc/" + prefix + "/no-agents", "If it exists, agents are not upgraded."},
		{"/var/lib/" + prefix + "/", "Journal, log, report and backups of each upgrade; for root only."},
		{"/opt/" + prefix + "/", "The bundles, and what the upgrade under way needs of them."},
	} {
		p(".TP\n.I %s\n%s", roff(f[0]), roff(f[1]))
	}
}

// roff makes text safe between roff's own words.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// Completion writes the completion for bash.
func (m Program) Completion(w io.Writer) {
	prefix := m.Prefix
	var words, topics []string
	var cases strings.Builder
	for _, c := range m.shown() {
		words = append(words, c.Name)
		follow := slices.Clone(c.Verbs)
		c.eachFlag(func(name, _, _ string) { follow = append(follow, "--"+name) })
		fmt.Fprintf(&cases, "    %s) words='%s' ;;\n", c.Name, strings.Join(follow, " "))
	}
	for _, t := range m.Topics {
		topics = append(topics, t.Name)
	}
	function := "_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, prefix)
	fmt.Fprintf(w, `# bash completion for %[1]s
%[2]s() {
    local words command=${COMP_WORDS[1]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        command=
    fi
    case "$command" in
    '') words='%[3]s help' ;;
%[4]s    help) words='%[3]s %[5]s' ;;
    *) words= ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F %[2]s %[1]s
`, prefix, function, strings.Join(words, " "), cases.String(), strings.Join(topics, " "))
}
