package repo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
	"onerpm/test/need"
)

const week = 7 * 24 * time.Hour

// at opens a repository whose publisher's clock is off by a time, and whose customers are to believe it for another; 0 for ever, less to leave that as it is.
func at(t *testing.T, s store.Store, off, fresh time.Duration) *repo.Repo {
	t.Helper()
	return open(t, s, func(o *repo.Options) {
		o.Now = func() time.Time { return time.Now().Add(off) }
		if fresh >= 0 {
			o.Fresh = &fresh
		}
	})
}

// TestFresh has dnf refuse what was published eight days ago and is good for seven: the store that nobody refreshed, as a repository and as one for copies,
// and an old generation that somebody hands out again.
func TestFresh(t *testing.T) {
	t.Parallel()
	need.Root(t) // dnf installs only then
	s, one := folder(t), build(t, jump{from: "1.0", to: "1.1", revision: 1})
	publish(t, at(t, s, -8*24*time.Hour, week), one, repo.Stable)
	replay := content(t, s, "stable/mirrorlist")
	settings := content(t, s, prefix+".repo") + shell(t)
	dnfs := func(what string, believed bool, sections ...string) {
		t.Helper()
		for _, section := range sections {
			d := customer(t, settings)
			out, err := d.run("--disablerepo=*", "--enablerepo="+section, "--enablerepo=machine", "--setopt="+section+".skip_if_unavailable=0", "install", "--downloadonly", prefix+"-1.1")
			if believed && err != nil || !believed && (err == nil || !strings.Contains(out, "GPG signature verification error")) {
				t.Errorf("%s, %s: %v\n%s", what, section, err, out)
			}
		}
	}
	dnfs("after eight days", false, prefix, prefix+"-testing", prefix+"-mirror")
	rep, err := at(t, s, 0, -1).Verify(t.Context())
	if err != nil || len(rep.Problems) > 0 || !slices.Equal(rep.Stale, []string{"stable", "testing"}) {
		t.Errorf("verify: %+v, %v", rep, err)
	}
	if _, err := at(t, s, 0, -1).MirrorTo(t.Context(), folder(t), ""); exit.Code(err) != exit.Published || !strings.Contains(err.Error(), "customers refuse it since") {
		t.Errorf("a copy: %v", err)
	}

	channels, _, err := at(t, s, 0, -1).Refresh(t.Context())
	if err != nil || !slices.Equal(channels, []string{"stable", "testing"}) {
		t.Fatalf("refresh: %q, %v", channels, err)
	}
	whole(t, s)
	dnfs("refreshed", true, prefix, prefix+"-mirror")
	now := content(t, s, "stable/mirrorlist")
	put(t, s, "stable/mirrorlist", replay)
	d := customer(t, settings)
	if out, err := d.run("install", "--downloadonly", prefix+"-1.1"); err == nil || !strings.Contains(out, "GPG signature verification error") {
		t.Errorf("an old generation: %v\n%s", err, out)
	}
	put(t, s, "stable/mirrorlist", now)
	whole(t, s)
}

// until is when customers begin to refuse a store, from now, to the hour.
func until(t *testing.T, s store.Store) string {
	t.Helper()
	rep, err := at(t, s, 0, -1).Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Until == "" {
		return "for ever"
	}
	end, err := time.Parse(time.RFC3339, rep.Until)
	if err != nil {
		t.Fatal(err)
	}
	return time.Until(end).Round(time.Hour).String()
}

// TestFreshFor: whoever changes a store renews for how long it is believed; publishing what is there already does once half of the time is over.
func TestFreshFor(t *testing.T) {
	t.Parallel()
	s, one := folder(t), build(t, jump{from: "1.0", to: "1.1", revision: 1})
	for _, c := range []struct {
		what       string
		off, fresh time.Duration
		already    bool
		want       string
	}{
		{"without an end", 0, 0, false, "for ever"},
		{"again", 0, 0, true, "for ever"},
		{"with one from now on", 0, week, false, "168h0m0s"},
		{"again", 0, week, true, "168h0m0s"},
		{"half of it is not over", 83 * time.Hour, week, true, "168h0m0s"},
		{"half of it is over", 85 * time.Hour, week, false, "253h0m0s"},
		{"as it is", 85 * time.Hour, -1, true, "253h0m0s"},
		{"a shorter one", 0, 24 * time.Hour, false, "24h0m0s"},
		{"without an end again", 0, 0, false, "for ever"},
	} {
		if got := publish(t, at(t, s, c.off, c.fresh), one, repo.Stable); got.Already != c.already {
			t.Errorf("%s: it was there already: %v", c.what, got.Already)
		}
		if got := until(t, s); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	if channels, end, err := at(t, s, 0, -1).Refresh(t.Context()); err != nil || channels != nil || end != "" {
		t.Errorf("a store without an end: refreshed %q, %v", channels, err)
	}
	publish(t, at(t, s, -time.Hour, week), one, repo.Stable)
	if _, err := at(t, s, 0, -1).Withdraw(t.Context(), prefix+"-1.1-1.1-1.x86_64", "it is tried"); err != nil {
		t.Fatal(err)
	}
	if got := until(t, s); got != "168h0m0s" {
		t.Errorf("after a withdrawal: %s", got)
	}
	whole(t, s)
}
