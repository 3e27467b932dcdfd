package release

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"onerpm/internal/manifest"
)

// maxHook bounds a hook's file, in bytes: it is a script, not an installer.
const maxHook = 1 << 20

// hooks checks the programs that run as steps of the line.
func (r *reader) hooks(p *page, s *Spec, folder string) {
	first := map[string]int{}
	for _, phase := range []struct {
		name  string
		hooks []manifest.Hook
	}{{"prepare", s.Hooks.Prepare}, {"switch", s.Hooks.Switch}, {"open", s.Hooks.Open}} {
		for i, h := range phase.hooks {
			at := under([]any{"hooks", phase.name, i})
			if p.need(h.Run, "a script below hooks/ in the spec's folder", at("run")...) {
				r.hookFile(p, folder, h.Run, at("run")...)
				if line, twice := first[h.Name()]; twice {
					p.wrong(fmt.Sprintf("a hook named %s stands here twice", h.Name()), fmt.Sprintf("the first is on line %d", line), at("run")...)
				} else {
					first[h.Name()] = p.doc.Mistake("", "", at("run")...).Line
				}
			}
			switch {
			case h.Undo != "" && phase.name == "open":
				p.wrong("a hook after the commit has no undo", "after the commit the upgrade only goes forward; leave it out", at("undo")...)
			case h.Undo != "":
				r.hookFile(p, folder, h.Undo, at("undo")...)
			case phase.name == "switch":
				p.missing("a script that takes back what the hook did: a failure after it leads back", at("undo")...)
			}
			p.positive(h.Timeout, "how long it may take, e.g. 60s; then it is ended, and the upgrade goes back", at("timeout")...)
			if h.Needs != nil {
				p.unusable(h.Needs.Mistakes(), at("needs"))
			}
			for j, f := range h.Reads {
				p.unusable(f.Mistakes(), at("reads", j))
			}
		}
	}
}

// hookFile checks that a hook is a script that a host can execute.
func (r *reader) hookFile(p *page, folder, name string, at ...any) {
	full := r.inFolder(p, folder, name, false, at...)
	if full == "" {
		return
	}
	if path.Dir(name) != "hooks" {
		p.wrong(full+" does not lie in hooks/", "put it directly into "+folder+"/hooks/", at...)
		return
	}
	text, err := readBounded(filepath.Join(r.root, full), maxHook)
	if err != nil {
		p.wrong(full+" cannot be read: "+reason(err), "", at...)
		return
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	interpreter := strings.TrimSpace(strings.TrimPrefix(string(line), "#!"))
	switch {
	case len(text) > maxHook:
		p.wrong(full+" is too large for a script", fmt.Sprintf("at most %d bytes", maxHook), at...)
	case !bytes.HasPrefix(line, []byte("#!")) || !path.IsAbs(interpreter):
		p.wrong(full+" does not begin with #! and an interpreter", "e.g. #!/bin/sh", at...)
	case bytes.HasSuffix(line, []byte("\r")):
		p.wrong(full+" has a carriage return at the end of its first line, so no host finds its interpreter", "end lines with a newline alone", at...)
	}
}
