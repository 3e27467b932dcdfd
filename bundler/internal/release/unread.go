package release

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Note reports whether a name in versions/ or specs/ is nobody's business: hidden files, and notes for people.
func Note(e fs.DirEntry) bool {
	name := e.Name()
	return strings.HasPrefix(name, ".") || !e.IsDir() && (strings.HasPrefix(name, "README") || strings.HasSuffix(name, ".md"))
}

// leftover reports whether an editor, a merge or rpm left the file beside the one that is meant.
func leftover(name string) bool {
	if strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") || strings.HasPrefix(name, ".#") {
		return true
	}
	for _, end := range []string{"~", ".orig", ".rej", ".bak", ".swp", ".swo", ".rpmnew", ".rpmsave", ".rpmorig"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// useless is what a file is that nothing reads, and what was probably meant.
type useless struct{ what, allowed string }

// unread reports what lies below a folder and is not used. A used name, relative to the root, stands for all that is
// below it. meant is asked about each name that is not used, and answers nothing for one that is used after all.
func (r *reader) unread(folder string, used []string, meant func(name string, dir bool) useless) {
	entries, err := os.ReadDir(filepath.Join(r.root, folder))
	if err != nil {
		r.wrong(folder, "cannot be read: "+reason(err), "")
		return
	}
	for _, e := range entries {
		name := folder + "/" + e.Name()
		holds := slices.ContainsFunc(used, func(u string) bool { return strings.HasPrefix(u, name+"/") })
		switch {
		case Note(e) || slices.Contains(used, name) || e.IsDir() && r.onlyNotes(name):
		case e.IsDir() && holds:
			r.unread(name, used, meant)
		case leftover(e.Name()):
			r.wrong(name, "is not read", "an editor or a merge left it there: remove it")
		default:
			if m := meant(name, e.IsDir()); m.what != "" {
				r.wrong(name, m.what, m.allowed)
			}
		}
	}
}

// onlyNotes reports whether a folder has no file but notes.
func (r *reader) onlyNotes(folder string) bool {
	entries, err := os.ReadDir(filepath.Join(r.root, folder))
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return !Note(e) && (!e.IsDir() || !r.onlyNotes(folder+"/"+e.Name()))
	})
}

// unreadVersions reports what in versions/ is no part of the product, of a release, or named by one.
func (r *reader) unreadVersions() {
	const folder = "versions"
	used := []string{productFile, baseFile}
	named := []string{r.cat.Product.Source}
	if keyring := r.cat.Product.Keyring; keyring != "" {
		used = append(used, folder+"/"+path.Clean(keyring))
	}
	for _, rel := range r.cat.Releases {
		named = append(named, rel.Source)
		for _, c := range rel.Components {
			named = append(named, c.Source)
		}
	}
	for _, source := range named {
		if source = path.Clean(source); strings.HasPrefix(source, folder+"/") {
			used = append(used, source)
		}
	}
	r.unread(folder, used, func(name string, dir bool) useless {
		base, ext := path.Base(name), path.Ext(name)
		stem := strings.TrimSuffix(base, ext)
		release, _, _ := strings.Cut(strings.TrimPrefix(name, folder+"/"), "/")
		if _, err := os.Stat(filepath.Join(r.root, folder, release+".yaml")); err == nil && (release != base || r.isFolder(name)) {
			return useless{} // a release's folder is looked through where the release is read
		}
		switch {
		case dir || r.isFolder(name):
			return useless{"a folder without a release", "write " + name + ".yaml, or remove the folder"}
		case ext == ".yaml" || ext == ".go": // a release; a Go package that embeds the folder
			return useless{}
		case strings.EqualFold(ext, ".yml") || strings.EqualFold(ext, ".yaml"):
			return useless{"is not read", "rename it to " + stem + ".yaml"}
		case r.lost:
			return useless{} // product.yaml may name it
		case slices.Contains([]string{".asc", ".gpg", ".pub", ".key", ".pem"}, ext):
			return useless{"is not read", "name it as keyring in " + productFile + ", or remove it; a private key never lies here"}
		case ext == ".rpm":
			return useless{"is not read", "packages lie where source of their release says: move it there"}
		}
		return useless{"is not read", "versions/ holds product.yaml, installed-base.yaml, a file and a folder for each release, and the keyring: remove it, or move it elsewhere; notes are README files and *.md"}
	})
}

// unreadJump reports what in the folder of a jump its spec does not name.
func (r *reader) unreadJump(p *page, s *Spec, folder string) {
	if p.doc.Unread() || p.doc.Broken("databases") || p.doc.Broken("hooks") {
		return
	}
	used := []string{folder + "/upgrade.yaml", folder + "/hooks/", folder + "/certify/"} // both are looked through, whatever is named
	name := func(names ...string) {
		for _, n := range names {
			if n != "" {
				used = append(used, folder+"/"+path.Clean(n))
			}
		}
	}
	for _, db := range s.Databases {
		name(db.Migrations, db.Checks)
	}
	for _, h := range s.Hooks.All() {
		name(h.Run, h.Undo)
	}
	r.unread(folder, used, func(name string, dir bool) useless {
		return r.unnamedPart(s, strings.TrimPrefix(name, folder+"/"), dir)
	})
}

const (
	inDatabases = "name it under databases in upgrade.yaml, as migrations, or remove it"
	inHooks     = "name it under hooks in upgrade.yaml, as run or as undo, or remove it"
)

// unnamedPart says of a name in the folder of a jump, relative to that, what it was probably meant to be.
func (r *reader) unnamedPart(s *Spec, name string, dir bool) useless {
	base, lower := path.Base(name), strings.ToLower(name)
	top, _, below := strings.Cut(name, "/")
	switch {
	case below && top == "certify":
		return s.unusedCheck(base, dir)
	case below && top == "hooks" && dir:
		return useless{"is a folder, and hooks lie directly in hooks/", "move its scripts there, or remove it"}
	case below && top == "hooks":
		return useless{"is named by no hook", inHooks}
	case dir && strings.HasPrefix(lower, "hook"):
		return useless{"is not read", "hooks lie in hooks/: rename it"}
	case dir && strings.HasPrefix(lower, "certif"):
		return useless{"is not read", "the checks of certification lie in certify/: rename it"}
	case dir && lower == "config":
		return useless{"is not read", "configuration lies in versions/" + s.To + "/config: move it there"}
	case dir && (strings.HasPrefix(lower, "migration") || r.hasSQL(s, name)):
		return useless{"is named by no database", inDatabases}
	case migrationGrammar.MatchString(base):
		return useless{"lies in no folder that a database names", "move it into the folder that is named under databases in upgrade.yaml, as migrations, or remove it"}
	case strings.HasSuffix(lower, ".sql"):
		return useless{"is named by no database", "name it under databases in upgrade.yaml, as checks, or remove it"}
	case strings.HasSuffix(lower, ".yml") || strings.HasSuffix(lower, ".yaml"):
		return useless{"is not read", "upgrade.yaml is the one file that is: rename it to that, or move what is in it there"}
	case strings.HasSuffix(lower, ".http"):
		return useless{"is not read", "requests of clients lie in certify/: move it there, or remove it"}
	case strings.HasSuffix(lower, ".sh"):
		return useless{"is not read", "a hook lies in hooks/, and a check of certification in certify/: move it there, or remove it"}
	}
	return useless{"is not read", "the folder holds upgrade.yaml, hooks/, certify/, and the migrations and checks that upgrade.yaml names: remove it, or move it elsewhere; notes are README files and *.md"}
}

// checkGrammar is of the names of scripts and requests in certify/, which package certify reads.
var checkGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*\.(sh|http)$`)

// unusedCheck says why nothing calls a file of certify/.
func (s *Spec) unusedCheck(base string, dir bool) useless {
	switch {
	case dir || !checkGrammar.MatchString(base):
		return useless{"is neither a script *.sh nor a request *.http", "what is not compared stands in upgrade.yaml, certify: leave_out; anything else has no use here"}
	case base == AgentsScript && s.Agents == nil:
		return useless{"is never called", "the jump has no agents: write agents in upgrade.yaml, or remove it"}
	}
	return useless{}
}

// hasSQL reports whether a folder of the jump holds SQL.
func (r *reader) hasSQL(s *Spec, name string) bool {
	for _, pattern := range []string{"*.sql", "*/*.sql"} {
		if found, err := filepath.Glob(filepath.Join(s.Dir, name, pattern)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
