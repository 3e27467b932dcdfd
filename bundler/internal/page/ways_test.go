package page

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/repo"
)

func TestWays(t *testing.T) {
	t.Parallel()
	in := demo(t)
	said := map[string]string{}
	for _, p := range newView(in).Places {
		for _, w := range p.Ways {
			said[w.From+" "+w.To] = w.Said
		}
	}
	for way, want := range map[string]string{
		"4.0.1 4.1.1": "One install: 4.1.1. 44.2\u00a0MB to download. Out of service when tested: 4.1\u00a0s.",
		"4.0.1 4.2.0": "Two installs, one after the other: 4.1.1, then 4.2.0. 88.3\u00a0MB to download. Out of service when tested: 4.1\u00a0s, then 7.0\u00a0s.",
		"4.1.1 4.3.0": "Two installs, one after the other: 4.2.0, then 4.3.0. 106.0\u00a0MB to download. Not certified, for testing only: 4.2.0 to 4.3.0.",
		"4.2.0 4.3.0": "One install: 4.3.0. 61.8\u00a0MB to download. Not certified: for testing only.",
		"4.2.0 4.4.0": "There is no whole way yet: the upgrade from 4.3.0 to 4.4.0 is not published.",
		"4.2.0 4.1.1": "", "3.4.2 4.2.0": "", "4.1.1 4.1.1": "",
	} {
		if said[way] != want {
			t.Errorf("%s: %q, want %q", way, said[way], want)
		}
	}
}

// Without a project's releases the order comes from the bundles, in whatever order they stand in the indexes.
func TestReleasesFromBundlesAlone(t *testing.T) {
	t.Parallel()
	in := demo(t)
	in.Releases = nil
	in.Stable.Bundles = append(in.Stable.Bundles, demoBundle("4.0.0", "4.0.1", 1, 61, 1).Bundle) // joins two ends that stand there before it
	in.Stable.Bundles[0], in.Stable.Bundles[2] = in.Stable.Bundles[2], in.Stable.Bundles[0]
	var order []string
	v := newView(in)
	for _, p := range v.Places {
		order = append(order, p.Version)
	}
	if got := strings.Join(order, " "); got != "4.0.0 4.0.1 4.1.1 4.2.0 4.3.0" {
		t.Error("the order is", got)
	}
	for _, p := range v.Targets {
		if p.Best != (p.Version == "4.2.0") {
			t.Errorf("%s is the one that is offered: %v", p.Version, p.Best)
		}
	}
}

func TestWhatIsOffered(t *testing.T) {
	t.Parallel()
	in := demo(t)
	newer := demoBundle("4.1.1", "4.2.0", 3, 51, 44181200)
	in.Testing.Bundles = append(in.Testing.Bundles, newer.Bundle)
	first := &in.Stable.Bundles[0]
	in.Details[first.SHA256].Certificates, first.Override = nil, &repo.Override{Reason: "a customer waits", By: "the release manager", At: "2026-09-20T00:00:00Z"}
	jumps := map[string]jump{}
	for _, j := range newView(in).Jumps {
		jumps[j.From+" "+j.To] = j
	}
	check := func(way, badge string, notes ...string) {
		t.Helper()
		j := jumps[way]
		all := strings.Join(j.Notes, "\n")
		if j.Badge != badge || (len(notes) == 0) != (all == "") {
			t.Errorf("%s is %s: %s", way, j.Badge, all)
		}
		for _, n := range notes {
			if !strings.Contains(all, n) {
				t.Errorf("%s lacks %q: %s", way, n, all)
			}
		}
	}
	check("4.0.1 4.1.1", "not certified", "for testing only", "let through by the release manager on 20 September 2026: a customer waits")
	check("4.1.1 4.2.0", "certified", "Revision 3 is being tried", newer.SHA256)
	check("4.2.0 4.3.0", "not certified", "for testing only")
	check("4.3.0 4.4.0", "not published", "is not published", "withdrawn on 2 October 2026: a migration locked")

	// The stable revision 2 is the one to download, and the short name is its.
	b := jumps["4.1.1 4.2.0"].Bundle
	if b.SHA256 != digest(31) || b.File.URL != "./harbour-upgrade-4.2.0.rpm" || !strings.HasPrefix(b.Steps[0].Command, "curl -fL -o harbour-upgrade-4.2.0.rpm https://downloads.example.org/harbour/harbour-upgrade-4.2.0.rpm\necho '"+digest(31)) {
		t.Errorf("offered: %+v", b)
	}
	if cmd := jumps["4.2.0 4.3.0"].Bundle.Steps[4].Command; !strings.Contains(cmd, "--enablerepo=harbour-upgrade-testing") {
		t.Error("a bundle that is being tried comes from a section that is switched off:", cmd)
	}
}

// A store of many releases has a page of the newest, of a size that a browser can show.
func TestManyReleases(t *testing.T) {
	t.Parallel()
	in := demo(t)
	in.Releases, in.Stable.Bundles, in.Testing.Bundles = nil, nil, nil
	some := demoBundle("1.0", "1.1", 1, 1, 1000)
	in.Details[some.SHA256] = some.details
	for i := range 10_000 {
		b := some.Bundle
		b.From, b.To, b.NEVRA = fmt.Sprintf("1.%d", i), fmt.Sprintf("1.%d", i+1), fmt.Sprintf("harbour-upgrade-1.%d", i+1)
		in.Stable.Bundles = append(in.Stable.Bundles, b)
	}
	slices.SortFunc(in.Stable.Bundles, func(a, b repo.Bundle) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	page := render(t, in)
	if !strings.Contains(page, "Of 9971 older releases") || !strings.Contains(page, ">1.9971 to 1.9972<") || !strings.Contains(page, ">1.9999 to 1.10000<") ||
		strings.Contains(page, "1.9970") || len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
}
