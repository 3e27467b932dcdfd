package capture

import "testing"

func TestRecent(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]bool{
		"3.10.0-1160.el7.x86_64": false, "4.3.9": false, "4.4.0-1": true, "4.18.0-553.el8": true, "5.14.0": true, "10.0": true, "": false, "x": false,
	} {
		if err := recent(release); (err == nil) != want {
			t.Errorf("%q: %v", release, err)
		}
	}
}
