package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const etc, run = "/etc/systemd/system/", "/run/systemd/system/"

// linkTree makes links, and folders (names that end with a slash), below a new root.
func linkTree(t *testing.T, paths map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, target := range paths {
		dir := filepath.Dir(root + path)
		if strings.HasSuffix(path, "/") {
			dir = root + path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(path, "/"):
		case target == "":
			if err := os.WriteFile(root+path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.Symlink(target, root+path); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func paths(links []Link) string {
	var all []string
	for _, l := range links {
		all = append(all, l.Path)
	}
	return strings.Join(all, " ")
}

func TestLinksOf(t *testing.T) {
	t.Parallel()
	const lib = "/usr/lib/systemd/system/"
	root := linkTree(t, map[string]string{
		etc + "multi-user.target.wants/web.service":   lib + "web.service",
		etc + "multi-user.target.wants/webs.service":  lib + "webs.service",
		etc + "app.target.requires/web.service":       "../web.service",
		etc + "app.target.upholds/web.service":        lib + "web.service",
		etc + "app.target.d/web.service":              lib + "web.service", // no folder of such links
		etc + "www.service":                           lib + "web.service", // an alias
		etc + "mail.service":                          "/dev/null",
		etc + "linked.service":                        "/opt/product/linked.service",
		etc + "web.service.d/x.conf":                  "",
		etc + "multi-user.target.wants/plain.service": "",
		run + "multi-user.target.wants/tmp.service":   lib + "tmp.service",
		run + "web.service":                           "/dev/null",
	})
	for _, c := range []struct {
		units string
		want  string
	}{
		{"web", etc + "app.target.requires/web.service " + etc + "app.target.upholds/web.service " + etc + "multi-user.target.wants/web.service " + etc + "www.service " + run + "web.service"},
		{"web.service webs", etc + "app.target.requires/web.service " + etc + "app.target.upholds/web.service " + etc + "multi-user.target.wants/web.service " +
			etc + "multi-user.target.wants/webs.service " + etc + "www.service " + run + "web.service"},
		{"mail", etc + "mail.service"},
		{"linked", etc + "linked.service"},
		{"tmp", run + "multi-user.target.wants/tmp.service"},
		{"plain", ""},
		{"null", ""},
		{"", ""},
	} {
		got, err := LinksOf(root, strings.Fields(c.units))
		if err != nil || paths(got) != c.want {
			t.Errorf("%s: got %s, %v\nwant %s", c.units, paths(got), err, c.want)
		}
	}
	if got, err := LinksOf(root+"/nowhere", []string{"web"}); err != nil || got != nil {
		t.Errorf("no folders: %v, %v", got, err)
	}
}

// TestSetLinks changes the links of a unit from every set to every other one and back.
func TestSetLinks(t *testing.T) {
	t.Parallel()
	sets := [][]Link{
		nil,
		{{etc + "web.service", "/dev/null"}},
		{{etc + "a.wants/web.service", "/x/web.service"}},
		{{etc + "a.wants/web.service", "/y/web.service"}}, // to another file
		{{etc + "a.wants/web.service", "/x/web.service"}, {etc + "www.service", "/x/web.service"}, {run + "b.requires/web.service", "/x/web.service"}},
	}
	for i, from := range sets {
		for j, to := range sets {
			root := linkTree(t, map[string]string{etc: "", run: "", etc + "a.wants/other.service": "/x/other.service"})
			for _, set := range [][]Link{from, to, to, from} {
				if err := SetLinks(root, []string{"web"}, set, nil); err != nil {
					t.Fatal(err)
				}
				got, err := LinksOf(root, []string{"web"})
				if err != nil || !slices.Equal(got, set) {
					t.Errorf("from %d to %d: got %v, %v, want %v", i, j, got, err, set)
				}
			}
			if _, err := os.Lstat(root + etc + "a.wants/other.service"); err != nil {
				t.Errorf("another unit's link: %v", err)
			}
		}
	}
}

// TestFoldersOfLinks: a folder goes with its last link unless it was there before.
func TestFoldersOfLinks(t *testing.T) {
	t.Parallel()
	root := linkTree(t, map[string]string{etc + "kept.wants/": "", etc + "other.d/": "", etc + "web.service.d/": "", etc + "queue@.service.d/": "", run: ""})
	keep, err := Folders(root, []string{"web", "queue@1", "gone"})
	if want := []string{etc + "kept.wants", etc + "queue@.service.d", etc + "web.service.d"}; err != nil || !slices.Equal(keep, want) {
		t.Errorf("got %v, %v", keep, err)
	}
	links := []Link{{etc + "kept.wants/web.service", "/x"}, {etc + "made.wants/web.service", "/x"}}
	for _, set := range [][]Link{links, nil} {
		if err := SetLinks(root, []string{"web"}, set, keep); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(root + etc + "kept.wants"); err != nil {
		t.Errorf("a folder that was there: %v", err)
	}
	if _, err := os.Lstat(root + etc + "made.wants"); err == nil {
		t.Error("a folder that was not there stays")
	}
}

func TestSetLinksErrors(t *testing.T) {
	t.Parallel()
	root := linkTree(t, map[string]string{etc + "a.wants": ""}) // a file where the folder must be
	if err := SetLinks(root, []string{"web"}, []Link{{etc + "a.wants/web.service", "/x"}}, nil); err == nil {
		t.Error("a folder that cannot be made")
	}
	root = linkTree(t, map[string]string{etc + "web.service": ""})
	if err := SetLinks(root, []string{"web"}, []Link{{etc + "web.service", "/dev/null"}}, nil); err != nil {
		t.Errorf("a file in the place of a link: %v", err)
	}
	if info, err := os.Lstat(root + etc + "web.service"); err != nil || !info.Mode().IsRegular() {
		t.Error("the file does not stay")
	}
}
