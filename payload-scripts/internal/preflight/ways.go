package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/proof"
)

// ways has both transactions proved on a copy of rpm's database.
func (r *run) ways(ctx context.Context) []finding.Finding {
	if r.state != atOld {
		return nil // the ways start at the old release
	}
	ways := proof.Ways{Early: r.early, Main: r.set, Late: packages.Late(r.Manifest, r.Dir, "", r.Root)}
	var found []finding.Finding
	for _, e := range flatten(ways.Prove(ctx)) {
		blocked := (*proof.Error)(nil)
		if !errors.As(e, &blocked) {
			found = append(found, failed("try the packages on a copy of rpm's database", e)...)
			continue
		}
		found = append(found, r.problems(blocked)...)
	}
	return unique(found)
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func (r *run) problems(blocked *proof.Error) []finding.Finding {
	var found []finding.Finding
	var rest []string
	for _, said := range blocked.Said {
		// "<what> is needed by (installed) <package>"
		what, who, ok := strings.Cut(said, " is needed by (installed) ")
		if !ok {
			rest = append(rest, said)
			continue
		}
		found = append(found, finding.Finding{
			ID: "needed-by-others", Level: finding.Refuse,
			What: fmt.Sprintf("the installed package %s needs %s, which %s takes away", who, what, r.release(blocked.Side)),
			Do:   fmt.Sprintf("update or remove %s, then check again", who),
		})
	}
	if len(rest) == 0 {
		return found
	}
	f := finding.Finding{
		ID: "way-there-blocked", Level: finding.Refuse,
		What: "rpm would not install the packages of " + r.Manifest.To + ": ",
		Do:   "make the host fit what is named, then check again",
	}
	if blocked.Side == manifest.Old {
		f = finding.Finding{ID: "way-back-blocked", Level: finding.Refuse, Do: f.Do}
		f.What = "rpm could not go back to the packages of " + r.Manifest.From + ": "
	}
	f.What += list(rest, "; ")
	return append(found, f)
}

func (r *run) release(side manifest.Side) string {
	if side == manifest.Old {
		return r.Manifest.From
	}
	return r.Manifest.To
}

// unique drops findings that say the same: rpm says it of the copy and of the host.
func unique(all []finding.Finding) []finding.Finding {
	seen := map[finding.Finding]bool{}
	var found []finding.Finding
	for _, f := range all {
		if !seen[f] {
			seen[f] = true
			found = append(found, f)
		}
	}
	return found
}

// ownFiles tells of files of the packages that were changed on this host.
func (r *run) ownFiles(ctx context.Context) []finding.Finding {
	if r.state != atOld {
		return nil
	}
	differs, err := r.set.Files(ctx, manifest.Old)
	if err != nil {
		return failed("compare the files of the packages", err)
	}
	var changed []string
	for _, d := range differs {
		if !d.Attr {
			changed = append(changed, fmt.Sprintf("%s (%s: %s)", d.Path, d.Package, d.Got))
		}
	}
	var found []finding.Finding
	if len(changed) > 0 {
		found = append(found, finding.Finding{
			ID: "changed-by-hand", Level: finding.Warn,
			What: fmt.Sprintf("%d files are not as their packages have them: %s", len(changed), list(changed, "; ")),
			Do:   "copy what you need of them: the upgrade replaces them, only a way back restores them",
		})
	}
	attributes, err := r.set.Attributes(ctx)
	if err != nil {
		return failed("look for capabilities and ACLs", err)
	}
	if len(attributes) > 0 {
		found = append(found, finding.Finding{
			ID: "attributes-by-hand", Level: finding.Warn,
			What: "files of the packages have capabilities, ACLs or other attributes that no package gave them: " + list(attributes, "; "),
			Do:   "give them again after the upgrade (setcap, setfacl, setfattr): it puts new files in their place, only a way back restores them",
		})
	}
	return found
}

// relocated tells of packages that were put elsewhere than they were built for: rpm puts the
// new ones where they are built for, and nothing in the bundle knows the other place.
func (r *run) relocated(ctx context.Context) []finding.Finding {
	if r.state != atOld {
		return nil
	}
	moved, err := r.set.Relocated(ctx)
	if err != nil {
		return failed("find out where the packages were put", err)
	}
	if len(moved) == 0 {
		return nil
	}
	return []finding.Finding{{
		ID: "relocated", Level: finding.Refuse,
		What: "packages were installed elsewhere than they are built for (rpm --relocate): " + list(moved, ", "),
		Do:   "install them at the place they are built for and link from the other one, then check again",
	}}
}

// obstacles tells of what is in the way at the paths of the packages.
func (r *run) obstacles(ctx context.Context) []finding.Finding {
	if r.state != atOld {
		return nil
	}
	o, err := r.set.Obstacles(ctx)
	if err != nil {
		return failed("look for files in the way", err)
	}
	var found []finding.Finding
	if len(o.Blocked) > 0 {
		found = append(found, finding.Finding{
			ID: "path-blocked", Level: finding.Refuse,
			What: "a folder is where a package has a file, or a file where it has a folder: " + list(o.Blocked, ", "),
			Do:   "move it away, then check again",
		})
	}
	if len(o.Links) > 0 {
		found = append(found, finding.Finding{
			ID: "package-link", Level: finding.Refuse,
			What: "files of the packages lie behind symbolic links that root does not follow: " + list(o.Links, "; "),
			Do:   "give the link, and the folders that it lies in, to root, or put the folder itself back in the link's place; then check again",
		})
	}
	if len(o.Mounted) > 0 {
		found = append(found, finding.Finding{
			ID: "file-mounted", Level: finding.Refuse,
			What: "files of the packages are mounts of their own, so that rpm cannot put another in their place: " + list(o.Mounted, ", "),
			Do:   "unmount them (umount, and take the line out of /etc/fstab), copy the file to its place, then check again",
		})
	}
	if len(o.Replaced) > 0 {
		found = append(found, finding.Finding{
			ID: "file-in-the-way", Level: finding.Warn,
			What: "files that no package owns are where " + r.Manifest.To + " has its own: " + list(o.Replaced, ", "),
			Do:   "copy what you need of them: the upgrade replaces them, only a way back restores them",
		})
	}
	return found
}
