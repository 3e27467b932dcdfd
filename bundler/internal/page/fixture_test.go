package page

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/repo"
)

const demoKey = "9F3C51B2A7E04D6688C1F02E5B7A94D3E6102C8F"

// item is a bundle with all there is to know of it.
type item struct {
	repo.Bundle
	details *repo.Details
}

// index makes a channel of bundles.
func (in *Input) index(channel string, all ...item) *repo.Index {
	x := &repo.Index{Version: repo.Version, Product: "Harbour Manager", Prefix: "harbour-upgrade", Channel: channel, Base: "https://downloads.example.org/harbour",
		Created: "2026-11-22T12:00:00Z", Repomd: digest(4)}
	for _, b := range all {
		x.Bundles = append(x.Bundles, b.Bundle)
		in.Details[b.SHA256] = b.details
	}
	slices.SortFunc(x.Bundles, func(a, b repo.Bundle) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	return x
}

// demoBundle is a bundle of revision r; seed makes its digest.
func demoBundle(from, to string, r int, seed byte, size int64) item {
	name := "harbour-upgrade-" + to
	b := repo.Bundle{From: from, To: to, Short: name + ".rpm", Revision: r, Size: size, Published: "2026-09-14T10:30:00Z", SHA256: digest(seed), Details: digest(seed + 2)}
	b.NEVRA = fmt.Sprintf("%s-%s-%d.x86_64", name, to, r)
	b.File = "packages/" + b.SHA256 + "/" + b.NEVRA + ".rpm"
	d := &repo.Details{Version: repo.Version, NEVRA: b.NEVRA, SHA256: b.SHA256, Key: demoKey, Built: "2026-09-01T00:00:00Z"}
	for _, c := range []string{"cdx.json", "intoto.json", "intoto.json.asc", "sha256"} {
		d.Companions = append(d.Companions, repo.File{Name: c, File: b.File + "." + c, Size: 93, SHA256: digest(seed + 1)})
	}
	d.Changes = repo.Changes{
		Packages: []repo.PackageChange{
			{Name: "harbour-agents", From: from + "-ga", To: to + "-ga", How: repo.Changed},
			{Name: "harbour-composer", To: to + "-ga", How: repo.Added},
			{Name: "harbour-management-worker", From: from + "-ga", To: to + "-ga", How: repo.Changed},
			{Name: "harbour-metrics", From: "0.8.8-1", To: "0.8.8-1", How: repo.Kept},
			{Name: "harbour-old-composer", From: from + "-ga", How: repo.Dropped},
			{Name: "harbour-rest-service", From: from + "-ga", To: to + "-ga", How: repo.Changed},
		},
		Services:   []string{"harbour-restservice.service", "harbour-mgmtworker.service", "nginx.service"},
		Config:     []string{"/opt/manager/harbour-rest.conf", "/opt/manager/rest-security.conf"},
		Migrations: []string{"manager/10_expand_visibility.sql", "manager/20_switch_visibility.sql"},
		Agents:     true,
	}
	return item{b, d}
}

// digest is 64 hexadecimal digits that look like a digest.
func digest(seed byte) string {
	var b strings.Builder
	for i := range 32 {
		fmt.Fprintf(&b, "%02x", byte(i*89)^seed*37^byte(i*i))
	}
	return b.String()
}

func certified(b item, windows ...float64) item {
	for i, w := range windows {
		platform := []string{"el7.x86_64", "el8.x86_64"}[i]
		b.details.Certificates = append(b.details.Certificates, repo.Certificate{Platform: platform, File: b.File + "." + platform + ".cert.json", SHA256: digest(9), Window: w, At: "2026-09-12T08:00:00Z",
			Clients: certify.Clients{Requests: 4000, Failed: 2, Cut: 2, Longest: w + 0.3}})
	}
	return b
}

// demo has a release without a way, two certified jumps, one that is being tried, one that was withdrawn, and one that is planned.
func demo(t testing.TB) Input {
	t.Helper()
	gone := demoBundle("4.3.0", "4.4.0", 1, 77, 1)
	in := Input{Product: "Harbour Manager", Prefix: "harbour-upgrade", Base: "https://downloads.example.org/harbour", Key: demoKey, Generated: "2026-11-22T12:00:00Z",
		Details: map[string]*repo.Details{},
		Releases: []Release{
			{Version: "3.4.2", Why: "3.4.2 keeps its data in another kind of database; the data must be moved into a 4.0.1 database first, and the upgrades start from there"},
			{Version: "4.0.1", Next: "4.1.1"}, {Version: "4.1.1", Next: "4.2.0"}, {Version: "4.2.0", Next: "4.3.0"}, {Version: "4.3.0", Next: "4.4.0"}, {Version: "4.4.0"},
		},
	}
	in.Stable = in.index(repo.Stable, certified(demoBundle("4.0.1", "4.1.1", 1, 11, 44164560), 3.24, 4.1),
		certified(demoBundle("4.1.1", "4.2.0", 1, 21, 44181096), 6.6), certified(demoBundle("4.1.1", "4.2.0", 2, 31, 44181123), 6.61, 7.02))
	in.Testing = in.index(repo.Testing, demoBundle("4.2.0", "4.3.0", 1, 41, 61830212))
	in.Testing.Withdrawn = []repo.Withdrawn{{NEVRA: gone.NEVRA, SHA256: gone.SHA256, File: gone.File, Reason: "a migration locked a big table for minutes", At: "2026-10-02T09:00:00Z"}}
	for _, x := range []*repo.Index{in.Stable, in.Testing} {
		if _, _, err := repo.Encode(x); err != nil {
			t.Fatalf("the fixture is no index that could be published: %v", err)
		}
	}
	return in
}
