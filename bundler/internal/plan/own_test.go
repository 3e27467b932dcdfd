package plan_test

import "testing"

// What the upgrade writes itself is in no package of the product; folders that hold it may be.
func TestOwnPlaces(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/etc": "dir", "/usr/bin": "dir", "/usr/bin/demo-upgrade-tool": "1", "/opt/demo": "1", "/etc/demo-upgrade.conf": "config"}
	if _, said := check(t, nil, []pkg{{name: "app", evr: "1-1", files: files}}, nil); said != "" {
		t.Errorf("beside the upgrade's places: %s", said)
	}
	for path, own := range map[string]string{
		"/opt/demo-upgrade/2.0/bin/engine": "/opt/demo-upgrade", "/usr/bin/demo-upgrade": "/usr/bin/demo-upgrade",
		"/etc/demo-upgrade/upgrade.conf": "/etc/demo-upgrade", "/var/lib/demo-upgrade": "/var/lib/demo-upgrade",
	} {
		want := "app-1-1: " + path + " lies in the upgrade's own " + own
		if _, said := check(t, nil, []pkg{{name: "app", evr: "1-1", files: map[string]string{path: "1"}}}, nil); said != want {
			t.Errorf("got %q, want %q", said, want)
		}
	}
}
