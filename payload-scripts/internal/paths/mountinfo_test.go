package paths

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestReadMounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, want string }{
		"a disk":           {"29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw", "/ (ext4)"},
		"no optional part": {"30 29 8:2 / /opt rw - xfs /dev/mapper/vg-opt rw,seclabel", "/opt (xfs)"},
		"several":          {"30 29 8:2 / /opt rw shared:1 master:2 propagate_from:3 - xfs /dev/sdb rw", "/opt (xfs)"},
		"a bind mount":     {"31 29 8:1 /srv/res /opt/app/res rw - ext4 /dev/sda1 rw", "/opt/app/res (ext4 from /srv/res)"},
		"NFS":              {"32 29 0:50 / /data rw - nfs4 server:/export rw,vers=4.2", "/data (nfs4 server:/export)"},
		"CIFS":             {"33 29 0:51 / /data rw - cifs //server/share rw", "/data (cifs //server/share)"},
		"blanks":           {`34 29 8:3 /a\040b /mnt/x\040y\011z\134 rw - ext4 /dev/sda3 rw`, "/mnt/x y\tz\\ (ext4 from /a b)"},
		"not octal":        {`35 29 8:3 / /mnt/\999\4 rw - ext4 /dev/sda3 rw`, `/mnt/\999\4 (ext4)`},
		"no source":        {"36 29 0:52 / /run rw - tmpfs  rw", "/run (tmpfs)"},
		"a removed folder": {`37 29 8:1 /gone//deleted /mnt/g rw - ext4 /dev/sda1 rw`, "/mnt/g (ext4 from /gone//deleted)"},
		"cut off":          {"38 29 8:1 / /mnt", ""},
		"no second half":   {"39 29 8:1 / /mnt rw shared:1", ""},
		"empty":            {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readMounts(strings.NewReader(c.line + "\n"))
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "mounts") {
					t.Error(got, err)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0].String() != c.want {
				t.Errorf("%v %v, want %s", got, err, c.want)
			}
		})
	}
}

// TestSameMount: an automount and what it mounts are one; anything else must be equal.
func TestSameMount(t *testing.T) {
	t.Parallel()
	nfs := Mount{Point: "/data", Type: "nfs4", Root: "/", Source: "server:/export"}
	waiting := Mount{Point: "/data", Type: "autofs", Root: "/"}
	for _, c := range []struct {
		name string
		a, b Mount
		want bool
	}{
		{"equal", nfs, nfs, true},
		{"not looked at yet", waiting, nfs, true},
		{"not looked at for a while", nfs, waiting, true},
		{"an automount elsewhere", nfs, Mount{Point: "/other", Type: "autofs", Root: "/"}, false},
		{"another server", nfs, Mount{Point: "/data", Type: "nfs4", Root: "/", Source: "other:/export"}, false},
		{"another type", nfs, Mount{Point: "/data", Type: "ext4", Root: "/"}, false},
		{"another folder of it", Mount{Point: "/data", Type: "ext4", Root: "/a"}, Mount{Point: "/data", Type: "ext4", Root: "/b"}, false},
		{"elsewhere", nfs, Mount{Point: "/other", Type: "nfs4", Root: "/", Source: "server:/export"}, false},
	} {
		if got := len(without([]Mount{c.a}, []Mount{c.b})) == 0; got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestMounts(t *testing.T) {
	t.Parallel()
	h := root(t, "/a b")
	ok(t, os.WriteFile(h.At("/bound"), nil, 0o600))
	ok(t, os.WriteFile(h.At("/target"), nil, 0o600))
	h.mount(t, "tmpfs", "/a b")
	h.mount(t, "/bound", "/target")
	all, err := Mounts()
	ok(t, err)
	if !slices.Contains(all, Mount{Point: h.At("/a b"), Type: "tmpfs", Root: "/"}) {
		t.Error("the tmpfs is not among them")
	}
	bound := slices.IndexFunc(all, func(m Mount) bool { return m.Point == h.At("/target") })
	if bound < 0 || !strings.HasSuffix(all[bound].Root, "/bound") {
		t.Errorf("the bound file: %d", bound)
	}
}

func FuzzReadMounts(f *testing.F) {
	f.Add("29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n30 29 0:5 / /a\\040b rw - tmpfs none rw\n")
	f.Add("1 1 1:1 \\ \\0 x - \\ \\777")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readMounts(strings.NewReader(text))
		if err != nil && len(got) > 0 {
			t.Error("a list and an error")
		}
		for _, m := range got {
			if m.Type == "" || m.Point == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

// TestMountOntoItself: a bind mount of a folder onto itself, as one makes it read-only, shows the same files
// and is no other place; one of another folder, or of another file system, is.
func TestMountOntoItself(t *testing.T) {
	t.Parallel()
	const root = "20 1 0:50 / / rw - overlay onerpm rw\n21 20 8:3 /sub /srv rw - ext4 /dev/sda3 rw\n"
	for name, c := range map[string]struct {
		more, path, want string
	}{
		"onto itself":                     {"30 20 0:50 /etc /etc ro - overlay onerpm rw\n", "/etc/app", ""},
		"twice onto itself":               {"30 20 0:50 /etc /etc ro - overlay onerpm rw\n31 30 0:50 /etc /etc rw - overlay onerpm rw\n", "/etc/app", ""},
		"another folder":                  {"30 20 0:50 /opt /etc ro - overlay onerpm rw\n", "/etc/app", "/etc"},
		"another file system":             {"30 20 8:4 / /etc rw - ext4 /dev/sda4 rw\n", "/etc/app", "/etc"},
		"the same path of another disk":   {"30 20 8:4 /etc /etc rw - ext4 /dev/sda4 rw\n", "/etc/app", "/etc"},
		"below a mount, onto itself":      {"30 21 8:3 /sub/data /srv/data ro - ext4 /dev/sda3 ro\n", "/srv/data", "/srv"},
		"below a mount, another folder":   {"30 21 8:3 /data /srv/data ro - ext4 /dev/sda3 ro\n", "/srv/data", "/srv/data"},
		"onto itself over another folder": {"30 20 0:50 /opt /etc ro - overlay onerpm rw\n31 30 0:50 /opt /etc ro - overlay onerpm rw\n", "/etc/app", "/etc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := readMounts(strings.NewReader(root + c.more))
			if err != nil {
				t.Fatal(err)
			}
			var points []string
			for _, m := range mountsOf(all, c.path, false) {
				points = append(points, m.Point)
			}
			if got := strings.Join(points, " "); got != c.want {
				t.Errorf("it lies on %q, want %q", got, c.want)
			}
		})
	}
}
