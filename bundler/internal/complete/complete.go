// Package complete finds what may stand next on a command line, for the completion of shells: commands, flags, and
// arguments by what the help calls them. The scripts for the shells ask the program itself, so they never go out of date.
package complete

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Word is one that may stand next.
type Word struct {
	Text string
	What string // it is, "" when the text says it
}

// What stands as the only Word where the shell itself knows what may stand next.
const (
	Files   = ":file"
	Folders = ":directory"
)

// Names returns the names that a command takes in a place: at is the help's word for it ("JUMP") or, of a flag, the flag
// with it ("--only NAME"). project is the folder that --project names, "" for none.
type Names func(command, at, project string) []string

// Next returns what may stand in the place of the last word, which may be written in part or be empty. The words are those
// behind the program's name. Bash gives --flag=value as three words, the others as one.
func Next(app *cli.App, words []string, names Names) []Word {
	words = joined(words)
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	at := read(app, words[:len(words)-1])
	var found []Word
	flag, value, assigned := strings.Cut(last, "=")
	switch {
	case at.value != "":
		found = at.names(names, at.value)
	case assigned && strings.HasPrefix(last, "-"):
		last = value
		if f := find(at.flags, flag); f != nil {
			found = at.names(names, "--"+f.Names()[0]+" "+placeholder(f))
		}
	case strings.HasPrefix(last, "-") && !at.ended:
		found = flags(at.flags)
	case at.command == nil:
		for _, c := range app.VisibleCommands() {
			found = append(found, Word{c.Name, c.Usage})
		}
	default:
		found = at.names(names, argument(at.command.ArgsUsage, at.arguments))
	}
	return slices.DeleteFunc(found, func(w Word) bool {
		return w.Text != Files && w.Text != Folders && !strings.HasPrefix(w.Text, last)
	})
}

// joined puts together what bash takes apart at "=".
func joined(words []string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		if words[i] == "=" && len(out) > 0 && strings.HasPrefix(out[len(out)-1], "-") {
			out[len(out)-1] += "="
			if i++; i < len(words) {
				out[len(out)-1] += words[i]
			}
			continue
		}
		out = append(out, words[i])
	}
	return out
}

// place is where the next word stands.
type place struct {
	command   *cli.Command // nil before its name
	flags     []cli.Flag   // that may stand here
	arguments int          // of the command that stand before
	value     string       // which the flag before needs: "--output DIR"
	ended     bool         // by "--", so nothing more is a flag
	project   string
}

func read(app *cli.App, words []string) place {
	at := place{flags: append(slices.Clone(app.VisibleFlags()), cli.HelpFlag)}
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--" && !at.ended:
			at.ended = true
		case strings.HasPrefix(w, "-") && w != "-" && !at.ended:
			flag, value, assigned := strings.Cut(w, "=")
			f := find(at.flags, flag)
			if f == nil || !takesValue(f) {
				continue
			}
			name := "--" + f.Names()[0]
			if !assigned {
				if i++; i == len(words) {
					at.value = name + " " + placeholder(f)
					continue
				}
				value = words[i]
			}
			if name == "--project" {
				at.project = value
			}
		case at.command == nil:
			if at.command = app.Command(w); at.command == nil {
				return place{command: &cli.Command{}} // of an unknown command nothing is known
			}
			at.flags = append(slices.Clone(at.command.VisibleFlags()), cli.HelpFlag)
		default:
			at.arguments++
		}
	}
	return at
}

func find(flags []cli.Flag, written string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), strings.TrimLeft(written, "-")) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	doc, is := f.(cli.DocGenerationFlag)
	return is && doc.TakesValue()
}

var quoted = regexp.MustCompile("`([^`]*)`")

// placeholder is what the help calls a flag's value.
func placeholder(f cli.Flag) string {
	if doc, is := f.(cli.DocGenerationFlag); is {
		if m := quoted.FindStringSubmatch(doc.GetUsage()); m != nil {
			return m[1]
		}
	}
	return "VALUE"
}

func flags(all []cli.Flag) []Word {
	var out []Word
	for _, f := range all {
		w := Word{Text: "--" + f.Names()[0]}
		if doc, is := f.(cli.DocGenerationFlag); is {
			w.What = strings.ReplaceAll(doc.GetUsage(), "`", "")
		}
		if !slices.ContainsFunc(out, func(o Word) bool { return o.Text == w.Text }) {
			out = append(out, w)
		}
	}
	return out
}

// argument is what the help calls the argument that has n before it: of "FROM [TO]" and 1 it is "TO"; "" when there is none.
func argument(usage string, n int) string {
	all := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(usage))
	if len(all) == 0 {
		return ""
	}
	end := all[len(all)-1]
	if n >= len(all) && !strings.HasSuffix(end, "...") {
		return ""
	}
	return strings.TrimSuffix(all[min(n, len(all)-1)], "...")
}

// names is what stands for a placeholder: words in lower case stand for themselves.
func (at place) names(names Names, placeholder string) []Word {
	kind := placeholder[strings.LastIndex(placeholder, " ")+1:]
	command := ""
	if at.command != nil {
		command = at.command.Name
	}
	switch {
	case placeholder == "":
		return nil
	case kind == "FILE":
		return []Word{{Text: Files}}
	case kind == "DIR" || kind == "STORE":
		return []Word{{Text: Folders}}
	case kind == strings.ToLower(kind):
		return plain(strings.Split(kind, "|"))
	}
	return plain(names(command, placeholder, at.project))
}

func plain(all []string) []Word {
	var out []Word
	for _, text := range all {
		out = append(out, Word{Text: text})
	}
	return out
}
