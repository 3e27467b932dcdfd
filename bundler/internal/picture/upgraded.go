package picture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
)

// Report is what the upgrade says that it did to configuration.
type Report struct {
	Did    map[string]string // file -> added, updated, merged, kept, unchanged or removed
	Merged map[string]string // file -> SHA-256 of what it became
}

// Upgraded tells what is not as it was and not as the bundle and the upgrade's report make it.
func (c Comparison) Upgraded(before, now Picture, report Report) []string {
	u := upgraded{differences: differences{c: c}, m: c.Manifest, before: before, now: now, report: report}
	files := u.moved()
	for _, part := range Parts {
		switch part {
		case Files:
			u.part(Files, files, now[Files], u.file)
		case Packages:
			u.part(Packages, before[Packages], now[Packages], func(name, _, _ string) bool { return slices.Contains(Names(c.Manifest), name) })
		case Enabled:
			u.part(Enabled, before[Enabled], now[Enabled], u.enabled)
		case Units:
			u.part(Units, before[Units], now[Units], u.unit)
		default:
			u.part(part, before[part], now[part], func(string, string, string) bool { return false })
		}
	}
	u.remains()
	u.starts()
	u.clock(before, now)
	u.altered(before, now, func(path, b, n string) bool { return b == n || u.config(path) != nil || u.onlyOwned(path, n) })
	return u.found
}

// upgraded is a comparison at work.
type upgraded struct {
	differences
	m           *manifest.Manifest
	before, now Picture
	report      Report
}

// moved is the files before with what moves in its new place, and whose it is then.
func (u *upgraded) moved() map[string]string {
	users, groups := ids(u.now[Users]), ids(u.now[Groups])
	files := map[string]string{}
	for path, value := range u.before[Files] {
		for _, o := range u.m.Owners {
			if f := strings.SplitN(value, " ", 4); manifest.Within(path, o.Path) && len(f) > 2 {
				uid, gid, _ := strings.Cut(f[2], ":")
				f[2] = cmp.Or(users[o.User], uid) + ":" + cmp.Or(groups[o.Group], gid)
				value = strings.Join(f, " ")
			}
		}
		files[u.place(path)] = value
	}
	return files
}

// ids are the numbers in lines of /etc/passwd or /etc/group, without the password.
func ids(entries map[string]string) map[string]string {
	all := map[string]string{}
	for name, line := range entries {
		all[name], _, _ = strings.Cut(line, ":")
	}
	return all
}

// place is where a file is after the moves.
func (u *upgraded) place(path string) string {
	for _, v := range u.m.Moves {
		switch {
		case v.From != "" && manifest.Within(path, v.From):
			return v.To + strings.TrimPrefix(path, v.From)
		case v.Each != "" && path != v.Each && manifest.Within(path, v.Each) && !manifest.Within(path, v.Into):
			return v.Into + strings.TrimPrefix(path, v.Each)
		}
	}
	return path
}

// file reports whether a file may be another than before.
func (u *upgraded) file(path, b, n string) bool {
	_, isOwned := u.now[owned][path]
	_, wasOwned := u.before[owned][path]
	switch did := u.config(path); {
	case did != nil:
		u.configured(path, b, n, *did)
		return true
	case isOwned:
		return n != "" // rpm -V judges it; one that is gone is told by both
	case wasOwned: // it goes, or is told by remains
		return true
	}
	return u.c.fileMay(path, b) || u.link(path) || u.folder(path, b, n) || u.kept(path, b, n)
}

// ghost is the flag of a file that its package owns and does not have (RPMFILE_GHOST).
const ghost = 1 << 6

// remains tells what packages of the old release alone have left; a folder stays when something else is in it.
func (u *upgraded) remains() {
	for _, path := range keys(u.before[owned]) {
		flags, _ := strconv.Atoi(u.before[owned][path])
		_, stays := u.now[owned][path]
		n := u.now[Files][path]
		if stays || flags&ghost != 0 || n == "" || strings.HasPrefix(n, "d ") || u.config(path) != nil || u.c.LeftOut.Has(Files, path) || u.kept(path, n, n) {
			continue
		}
		u.add("file %s of the old release is still there", printable(path))
	}
}

// kept reports whether a path is data of packages that come early or go late.
func (u *upgraded) kept(path, b, n string) bool {
	for _, s := range u.m.EarlyServices {
		if b == "" && slices.ContainsFunc(s.Makes, func(folder string) bool { return manifest.Within(path, folder) }) {
			return true
		}
	}
	return n != "" && slices.ContainsFunc(u.m.Keep, func(folder string) bool { return manifest.Within(path, folder) })
}

// folder reports whether a new path is a folder around something that is new rightly.
func (u *upgraded) folder(path, b, n string) bool {
	if b != "" || !strings.HasPrefix(n, "d ") {
		return false
	}
	inside := func(other string) bool { return other != path && manifest.Within(other, path) }
	return slices.ContainsFunc(u.m.Moves, func(v manifest.Move) bool { return v.Into == path || inside(v.Target()) }) ||
		slices.ContainsFunc(slices.Collect(maps.Keys(u.report.Did)), inside) || slices.ContainsFunc(slices.Collect(maps.Keys(u.now[owned])), inside)
}

// link reports whether a path is by what a unit of one release alone starts at boot: those are judged by name.
func (u *upgraded) link(path string) bool {
	if !strings.HasPrefix(path, "/etc/systemd/system/") {
		return false
	}
	name := path[strings.LastIndex(path, "/")+1:]
	return strings.Count(path, "/") == 5 && u.oneSided(name)
}

// oneSided reports whether a unit belongs to one release alone.
func (u *upgraded) oneSided(name string) bool {
	return slices.ContainsFunc(u.m.Services, func(s manifest.Service) bool { return s.Only != "" && unit.Name(s.Unit) == name }) ||
		slices.ContainsFunc(u.m.EarlyServices, func(s manifest.EarlyService) bool { return unit.Name(s.Unit) == name }) ||
		u.ofOne(name)
}

// ofOne reports whether the unit file of that name is in a package, or configuration, of one release alone.
func (u *upgraded) ofOne(name string) bool {
	for _, folder := range []string{"/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/systemd/system/"} {
		_, was := u.before[owned][folder+name]
		_, is := u.now[owned][folder+name]
		did := u.report.Did[folder+name]
		if was != is || did == "added" || did == "removed" {
			return true
		}
	}
	return false
}

// enabled reports whether a unit file may come, go or start otherwise.
func (u *upgraded) enabled(name, b, n string) bool { return (b == "" || n == "") && u.oneSided(name) }

// unit reports whether a unit may run otherwise: the product's are judged by themselves.
func (u *upgraded) unit(name, _, n string) bool {
	return slices.ContainsFunc(u.m.Services, func(s manifest.Service) bool { return unit.Name(s.Unit) == name }) ||
		slices.ContainsFunc(u.m.EarlyServices, func(s manifest.EarlyService) bool { return unit.Name(s.Unit) == name }) ||
		n != "failed" && u.ofOne(name)
}

// starts wants units that only the new release has to start at boot.
func (u *upgraded) starts() {
	var units []string
	for _, s := range u.m.Services {
		if s.Only == manifest.New {
			units = append(units, unit.Name(s.Unit))
		}
	}
	for _, s := range u.m.EarlyServices {
		units = append(units, unit.Name(s.Unit))
	}
	for _, name := range units {
		if is := u.now[Enabled][name]; is == "disabled" || is == "masked" || is == "" {
			u.add("unit file %s is %s: it does not start at boot", name, cmp.Or(is, "not there"))
		}
	}
}

// config is what the upgrade's report says of a configuration file, nil for other files.
func (u *upgraded) config(path string) *string {
	if did, is := u.report.Did[path]; is {
		return &did
	}
	return nil
}

// configured wants a configuration file to be what the upgrade made of it.
func (u *upgraded) configured(path, b, n, did string) {
	want := u.report.Merged[path]
	switch {
	case did == "removed":
		if n != "" {
			u.add("configuration %s is still there, the upgrade says that it removed it", path)
		}
		return
	case n == "" && want == "" && b == "":
		return
	case n == "":
		u.add("configuration %s is gone", path)
		return
	}
	is, content, _ := strings.Cut(n, " sha256 ")
	if want != "" && content != "" && content != want {
		u.add("configuration %s is not what the upgrade made of it", path)
	}
	if want == "" && n != b {
		u.add("configuration %s is %s, was %s", path, short(n), short(b))
	}
	attributes := u.attributes(path, b)
	if attributes != "" && is != attributes {
		u.add("configuration %s has kind, mode and owner %s, not %s", path, is, attributes)
	}
}

// attributes are kind, mode and owner that a configuration file has to have, "" where rpm says so.
func (u *upgraded) attributes(path, b string) string {
	if _, packaged := u.now[owned][path]; packaged && b == "" {
		return ""
	}
	was, _, _ := strings.Cut(b, " sha256 ")
	i := slices.IndexFunc(u.m.Config, func(c manifest.Config) bool { return c.Target == path && !c.InPackage() })
	if i < 0 {
		return was
	}
	c := u.m.Config[i]
	users, groups := ids(u.now[Users]), ids(u.now[Groups])
	if was != "" && c.Owner == "" {
		return was
	}
	mode := strings.TrimLeft(cmp.Or(c.Mode, "0644"), "0")
	if f := strings.Fields(was); len(f) > 1 {
		mode = f[1]
	}
	return fmt.Sprintf("f %s %s:%s", mode, cmp.Or(users[cmp.Or(c.Owner, "root")], c.Owner), cmp.Or(groups[cmp.Or(c.Group, "root")], c.Group))
}

// onlyOwned reports whether a file differs from its package's by nothing but an owner that the upgrade gives it.
func (u *upgraded) onlyOwned(path, line string) bool {
	flags, _, _ := strings.Cut(line, " ")
	return strings.Trim(flags, ".UG") == "" && slices.ContainsFunc(u.m.Owners, func(o manifest.Owner) bool { return manifest.Within(path, o.Path) })
}
