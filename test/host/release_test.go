package host_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"onerpm/test/host"
)

// A machine at a release serves it, with data, and so it does after a cut of its power.
func TestRelease(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true, DiskMiB: 1024})
	packages := m.Sh(t, "rpm -qa | grep -v ^host-base | sort")
	if !strings.Contains(packages, "-4.1.1-ga.") {
		t.Errorf("installed is\n%s", packages)
	}
	check := func() {
		t.Helper()
		if got := m.Sh(t, "systemctl --failed --no-legend; rpm -Va --nomtime --noconfig; ls /var/tmp/bootstrap 2>/dev/null || true"); got != "" {
			t.Errorf("the machine is not as installed:\n%s", got)
		}
		resp, err := m.HTTP().Get("http://127.0.0.1/api/v3.1/version")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct{ Version string }
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Version != "4.1.1" {
			t.Errorf("it answers %s, version %q, %v", resp.Status, answer.Version, err)
		}
	}
	check()
	if err := m.PowerCut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.AwaitProduct(t.Context(), "4.1.1"); err != nil {
		t.Fatal(err)
	}
	check()
}
