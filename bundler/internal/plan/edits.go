package plan

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// edits warns of scriptlets that write files of the new release's packages. The engine takes
// what they leave of a file for right, as rpm does, so no digest proves it. It is a look at the
// text: only commands are found whose file stands there.
func (c *checker) edits(all []Script) {
	owner := map[string]string{}
	for _, h := range c.newSet() {
		verify := h.Ints(rpmfile.TagFileVerifyFlags)
		for i, f := range h.Files() {
			varies := i < len(verify) && verify[i]&verifyContent != verifyContent
			if f.IsRegular() && !f.IsConfig() && !f.IsGhost() && !varies && !c.isState(f.Path) && !c.isConfigured(f.Path) {
				owner[path.Clean(f.Path)] = h.NVR()
			}
		}
	}
	told := map[string]bool{}
	for _, s := range all {
		for _, w := range writes(s.Body) {
			nvr, ours := owner[w.file]
			key := s.NVR + " " + s.Kind + " " + w.file
			if !ours || told[key] || c.plan.Skips(s.Package, s.Kind) {
				continue
			}
			told[key] = true
			c.warn(s.NVR, "write the file where the package is built, or mark it %config, %ghost or %verify(not filedigest mtime size), or name it under state",
				[]any{"packages", "keep", s.NVR, s.Kind},
				"its %%%s changes %s, a file of %s (%s): the engine takes what the scriptlets leave for right, so that nothing proves this file", s.Kind, w.file, nvr, w.by)
		}
	}
}

// verifyContent are the RPMVERIFY_ bits for size and digest.
const verifyContent = 1<<0 | 1<<1

func (c *checker) isState(name string) bool {
	return slices.ContainsFunc(c.plan.Spec.State, func(root string) bool { return name == root || strings.HasPrefix(name, root+"/") })
}

func (c *checker) isConfigured(name string) bool {
	return slices.ContainsFunc(c.plan.Config, func(f ConfigFile) bool { return f.Target == name })
}

// write is what changes a file: a command, and the file.
type write struct{ by, file string }

var (
	luaMoves  = regexp.MustCompile(`\b(?:os\.(?:rename|remove|execute)|posix\.(?:rename|unlink|rmdir|symlink|link|mkdir|chmod|chown|exec)|rpm\.(?:execute|spawn))\b`)
	luaWrites = regexp.MustCompile(`io\.open\s*\(\s*["']([^"']+)["']\s*,\s*["'][wa+]`)
	variable  = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=(/\S*)$`)
)

// movesByLua reports whether a scriptlet in rpm's own Lua does anything to files or runs programs.
func movesByLua(s rpmpkg.Scriptlet) bool {
	return len(s.Interpreter) > 0 && s.Interpreter[0] == "<lua>" && (luaMoves.MatchString(s.Body) || luaWrites.MatchString(s.Body))
}

// writes finds the commands of a script that change the content of files which it names
// by an absolute path, or by a variable that was set to one.
func writes(body string) []write {
	var out []write
	for _, m := range luaWrites.FindAllStringSubmatch(body, -1) {
		out = append(out, write{"io.open", path.Clean(m[1])})
	}
	variables := map[string]string{}
	for _, c := range commands(body) {
		for _, w := range c.words {
			if m := variable.FindStringSubmatch(w); m != nil {
				variables[m[1]] = m[2]
			}
		}
		for _, to := range c.outputs {
			out = append(out, write{">", expand(to, variables)})
		}
		by, files := modifies(c.words)
		for _, f := range files {
			out = append(out, write{by, expand(f, variables)})
		}
	}
	return slices.DeleteFunc(out, func(w write) bool { return !path.IsAbs(w.file) })
}

// leading are words that stand before a command.
var leading = []string{"if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "time"}

// modifies returns the name of a command and the words that may be files which it changes.
func modifies(words []string) (name string, files []string) {
	for len(words) > 0 && slices.Contains(leading, words[0]) {
		words = words[1:]
	}
	if len(words) < 2 {
		return "", nil
	}
	name, args := path.Base(words[0]), words[1:]
	has := func(is func(string) bool) bool { return slices.ContainsFunc(args, is) }
	switch name {
	case "sed":
		if !has(func(a string) bool { return strings.HasPrefix(a, "-i") || strings.HasPrefix(a, "--in-place") }) {
			return "", nil
		}
		name += " -i"
	case "perl", "ruby":
		if !has(func(a string) bool { return len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.Contains(a, "i") }) {
			return "", nil
		}
		name += " -i"
	case "tee", "truncate", "rm", "unlink", "mv", "patch":
	case "cp", "install", "ln":
		args = args[len(args)-1:]
	default:
		return "", nil
	}
	return name, args
}

// expand fills in the variables that stand at the start of a word.
func expand(word string, variables map[string]string) string {
	for name, value := range variables {
		if rest, ok := strings.CutPrefix(word, "${"+name+"}"); ok {
			return path.Clean(value + rest)
		}
		if rest, ok := strings.CutPrefix(word, "$"+name); ok && (rest == "" || rest[0] == '/' || rest[0] == '.') {
			return path.Clean(value + rest)
		}
	}
	return path.Clean(word)
}
