package systemd

import (
	"os"
	"testing"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"web": etc + "web.service.d", "db-9.6": etc + "db-9.6.service.d", "web.socket": etc + "web.socket.d", "queue@1": etc + "queue@.service.d",
	} {
		if got := Folder(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestDropIn(t *testing.T) {
	t.Parallel()
	const path = etc + "web.service.d/~p.conf"
	for _, c := range []struct {
		name  string
		first map[string]string
		keep  []string
		left  []string // of the folder afterwards; nil when it is gone
	}{
		{name: "nothing there", first: map[string]string{etc: ""}},
		{name: "other drop-ins", first: map[string]string{etc + "web.service.d/a.conf": ""}, left: []string{"a.conf"}},
		{name: "an empty folder of the admin's", first: map[string]string{etc + "web.service.d/": ""}, keep: []string{etc + "web.service.d"}, left: []string{}},
		{name: "a killed engine's", first: map[string]string{etc + "web.service.d/.~p.conf.123~": "", path: ""}},
		{name: "a link", first: map[string]string{path: "/dev/null"}},
	} {
		root := linkTree(t, c.first)
		d := DropIn{Unit: "web", Name: "~p", Text: "[Unit]\n"}
		for i, want := range []bool{true, false} {
			if changed, err := d.Write(root); err != nil || changed != want {
				t.Errorf("%s: write %d: %v, %v", c.name, i, changed, err)
			}
		}
		if data, err := os.ReadFile(root + path); err != nil || string(data) != d.Text {
			t.Errorf("%s: got %q, %v", c.name, data, err)
		}
		for range 2 {
			if err := d.Remove(root, c.keep); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		entries, err := os.ReadDir(root + etc + "web.service.d")
		if (err == nil) != (c.left != nil) || len(entries) != len(c.left) {
			t.Errorf("%s: left %v, %v", c.name, entries, err)
		}
	}
}

func TestDropInThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := DropIn{Unit: "web", Name: "~p"}
	if _, err := d.Write(linkTree(t, map[string]string{etc + "web.service.d": ""})); err == nil {
		t.Error("a file in the folder's place")
	}
	if err := d.Remove(linkTree(t, map[string]string{etc + "web.service.d/~p.conf/in-the-way": ""}), nil); err == nil {
		t.Error("a folder in the file's place")
	}
}
