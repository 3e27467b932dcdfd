package service

import (
	"os"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/journal"
	"onerpm/test/systemdtest"
)

// TestAdoptNew: what was in the boot is put back into it, as it was; masked units stay masked.
func TestAdoptNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		only     manifest.Side
		was, now string // UnitFileState before, and after the new packages came
		want     string // what systemd is asked for
		state    string
	}{
		{"enabled, and still", "", "enabled", "enabled", "", "enabled"},
		{"enabled, and a scriptlet disabled it", "", "enabled", "disabled", "enable web.service", "enabled"},
		{"until the next boot", "", "enabled-runtime", "disabled", "enable web.service", "enabled-runtime"},
		{"disabled by the admin", "", "disabled", "disabled", "", "disabled"},
		{"static", "", "static", "static", "", "static"},
		{"masked", "", "masked", "masked", "", "masked"},
		{"masked meanwhile", "", "enabled", "masked", "", "masked"},
		{"only the new release has it", manifest.New, "", "disabled", "enable web.service", "enabled"},
		{"only the new release has it, enabled by its package", manifest.New, "", "enabled", "", "enabled"},
		{"only the old release has it", manifest.Old, "enabled", "disabled", "", "disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, []manifest.Service{{Unit: "web", Only: c.only}}, systemdtest.Unit{Name: "web", File: c.was})
			before := w.record(t)
			w.Change("web", func(u *systemdtest.Unit) { u.File = c.now })
			must(t, w.Adopt(t.Context(), manifest.New, before))
			got := strings.Join(w.Log(), ", ")
			if got != strings.TrimSuffix("reload, "+c.want, ", ") {
				t.Errorf("asked for %s", got)
			}
			w.Change("web", func(u *systemdtest.Unit) {
				if u.File != c.state {
					t.Errorf("it is %s", u.File)
				}
			})
		})
	}
}

// TestAdoptOthers: what the manifest does not name, and starts one of its units or is made of its
// template, is in the boot again too when a scriptlet took it out; it may be gone.
func TestAdoptOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "queue@1"}, {Unit: "sweep"}},
		systemdtest.Unit{Name: "queue@2", Active: "active", File: "enabled"}, systemdtest.Unit{Name: "queue@3", Active: "active", File: "disabled"},
		systemdtest.Unit{Name: "sweep", Active: "inactive", File: "static", TriggeredBy: []string{"sweep.timer", "gone.timer"}},
		systemdtest.Unit{Name: "sweep.timer", Active: "active", File: "enabled"}, systemdtest.Unit{Name: "gone.timer", Active: "active", File: "enabled"})
	before := w.record(t)
	for name, state := range map[string]string{"queue@2": "disabled", "sweep.timer": "disabled", "gone.timer": ""} {
		w.Change(name, func(u *systemdtest.Unit) { u.File = state })
	}
	must(t, w.Adopt(t.Context(), manifest.New, before))
	equal(t, "systemd was asked for", w.Log(), []string{"reload", "enable queue@2.service", "enable sweep.timer"})
}

func TestRetire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "gone", Only: manifest.Old}, {Unit: "runtime", Only: manifest.Old}, {Unit: "off", Only: manifest.Old}, {Unit: "web"}, {Unit: "api", Only: manifest.New}},
		systemdtest.Unit{Name: "api", File: "enabled"})
	w.Change("runtime", func(u *systemdtest.Unit) { u.File = "enabled-runtime" })
	w.Change("off", func(u *systemdtest.Unit) { u.File = "disabled" })
	must(t, w.DisableUnits(t.Context(), manifest.Old, journal.Services{}))
	equal(t, "on the way to the old release", w.Log(), []string{"disable api.service"})
	must(t, w.DisableUnits(t.Context(), manifest.New, journal.Services{}))
	equal(t, "on the way to the new release", w.Log(), []string{"disable gone.service", "disable runtime.service"})
}

// TestRetireAgain: an engine that was killed while rpm erased finds units whose files are gone.
// systemd says of them what it has read before.
func TestRetireAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "web"}, {Unit: "api", Only: manifest.New}}, systemdtest.Unit{Name: "api", File: "enabled", Gone: true})
	must(t, w.DisableUnits(t.Context(), manifest.Old, journal.Services{}))
	if got := w.Log(); len(got) > 0 {
		t.Errorf("systemd was asked for %q", got)
	}
}

// TestRetireForgotten: systemd has read its unit files again since rpm erased the unit, as triggers have it do, and calls it unknown.
// The links that started it go, an admin's mask stays, and so does what is not its own.
func TestRetireForgotten(t *testing.T) {
	t.Parallel()
	const etc, run = "/etc/systemd/system/", "/run/systemd/system/"
	w := newWorld(t, []manifest.Service{{Unit: "gone", Only: manifest.Old}, {Unit: "mail", Only: manifest.Old}, {Unit: "web"}})
	for _, name := range []string{"gone", "mail"} {
		w.Change(name, func(u *systemdtest.Unit) { u.File = "" })
	}
	w.link(t, etc+"mail.service", "/dev/null")
	w.link(t, etc+"multi-user.target.wants/web.service", "/usr/lib/systemd/system/web.service")
	w.write(t, etc+"app.target.wants/README", "not a link")
	w.write(t, run+"README", "not a link")
	must(t, os.MkdirAll(w.root+etc+"empty.target.wants", 0o755))
	before := journal.Services{Folders: []string{etc + "empty.target.wants"}}
	atFirst := w.tree(t)
	w.link(t, etc+"multi-user.target.wants/gone.service", "/usr/lib/systemd/system/gone.service")
	w.link(t, etc+"empty.target.wants/gone.service", "/usr/lib/systemd/system/gone.service")
	w.link(t, etc+"app.target.wants/gone.service", "/usr/lib/systemd/system/gone.service")
	w.link(t, etc+"old-name.service", "/usr/lib/systemd/system/gone.service")
	w.link(t, run+"other.target.requires/gone.service", "/usr/lib/systemd/system/gone.service")
	must(t, w.DisableUnits(t.Context(), manifest.New, before))
	equal(t, "afterwards", w.tree(t), atFirst)
	must(t, w.DisableUnits(t.Context(), manifest.New, before))
	equal(t, "afterwards, done twice", w.tree(t), atFirst)
}

// TestAdoptOld: the way back restores the links of the boot exactly, and nobody else's.
func TestAdoptOld(t *testing.T) {
	t.Parallel()
	const etc, run = "/etc/systemd/system/", "/run/systemd/system/"
	w := newWorld(t, []manifest.Service{{Unit: "web"}, {Unit: "mail"}, {Unit: "queue@1"}, {Unit: "api", Only: manifest.New}},
		systemdtest.Unit{Name: "queue@2", Active: "active"})
	w.link(t, etc+"multi-user.target.wants/web.service", "/usr/lib/systemd/system/web.service")
	w.link(t, etc+"www.service", "/usr/lib/systemd/system/web.service")
	w.link(t, etc+"mail.service", "/dev/null")
	w.link(t, run+"multi-user.target.wants/queue@1.service", "/usr/lib/systemd/system/queue@.service")
	w.link(t, etc+"app.target.requires/queue@2.service", "/usr/lib/systemd/system/queue@.service")
	w.link(t, etc+"multi-user.target.wants/other.service", "/usr/lib/systemd/system/other.service")
	w.write(t, etc+"timers.target.wants/README", "not a link")
	w.link(t, etc+"app.target", "/usr/lib/systemd/system/multi-user.target")
	before := w.record(t)
	if len(before.Links) != 5 {
		t.Errorf("recorded %v", before.Links)
	}
	atFirst := w.tree(t)

	must(t, os.Remove(w.root+etc+"multi-user.target.wants/web.service"), os.Remove(w.root+etc+"mail.service"), os.Remove(w.root+run+"multi-user.target.wants/queue@1.service"),
		os.RemoveAll(w.root+etc+"app.target.requires"))
	w.link(t, etc+"graphical.target.wants/web.service", "/usr/lib/systemd/system/web.service")
	w.link(t, etc+"multi-user.target.wants/api.service", "/usr/lib/systemd/system/api.service")
	w.link(t, etc+"multi-user.target.wants/queue@1.service", "/usr/lib/systemd/system/queue@.service")
	w.Log()
	must(t, w.Adopt(t.Context(), manifest.Old, before))
	equal(t, "systemd was asked for", w.Log(), []string{"reload"})
	equal(t, "the machine", w.tree(t), atFirst)
	must(t, w.Adopt(t.Context(), manifest.Old, before))
	equal(t, "once more", w.tree(t), atFirst)
}

// TestAdoptOldBesideAFile: a file that somebody put in the place of a link stays.
func TestAdoptOldBesideAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []manifest.Service{{Unit: "mail"}})
	w.link(t, "/etc/systemd/system/mail.service", "/dev/null")
	before := w.record(t)
	must(t, os.Remove(w.root+"/etc/systemd/system/mail.service"))
	w.write(t, "/etc/systemd/system/mail.service", "[Unit]\n")
	must(t, w.Adopt(t.Context(), manifest.Old, before))
	if info, err := os.Lstat(w.root + "/etc/systemd/system/mail.service"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("got %v, %v", info, err)
	}
}
