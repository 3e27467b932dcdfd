package repo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
)

const platform = "el7.x86_64"

// certificate writes a certificate beside a bundle, as certify does; change has the last word about what it says.
func certificate(t testing.TB, bundle string, at time.Time, change func(*certify.Certificate)) {
	t.Helper()
	c := certify.Certificate{Bundle: filepath.Base(bundle), From: "1.0", To: "1.1", Platform: platform, Outcome: certify.Passed, Started: at, Ended: at, Tool: "bundler"}
	for _, name := range certify.Names() {
		c.Scenarios = append(c.Scenarios, certify.Scenario{Name: name, Outcome: certify.Passed, Seconds: 9, Window: 2.5, Limit: 60})
	}
	c.Scenarios[5].Back, c.Scenarios[5].Clients = &certify.Clients{Requests: 100, Longest: 2.5}, &certify.Clients{Requests: 100, Failed: 2, Cut: 2, Longest: 1.5}
	if change != nil {
		change(&c)
	}
	statement, signature, err := certify.Seal(c, fileSum(t, bundle), key(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(bundle), certify.FileName(bundle, platform))
	for name, text := range map[string][]byte{path: statement, path + ".asc": signature} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGate takes one bundle through the gate: closed, opened by a word, opened by certificates.
func TestGate(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, at := open(t, s), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	path := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	asked := func(platforms ...string) *repo.Local {
		t.Helper()
		l := loadUncertified(t, path)
		if _, err := l.Certify(public(t), platforms); err != nil {
			t.Fatal(err)
		}
		return l
	}
	closed := func(l *repo.Local, why string) {
		t.Helper()
		if c, err := repo.ChannelFor(l, ""); c != repo.Testing || err != nil {
			t.Errorf("%s: it goes to %s, %v", why, c, err)
		}
		_, err := repo.ChannelFor(l, repo.Stable)
		if exit.Code(err) != exit.Uncertified || !strings.Contains(err.Error(), why) {
			t.Errorf("asked for stable: %v, want %q", err, why)
		}
		if _, err := r.Publish(t.Context(), l, repo.Stable); exit.Code(err) != exit.Uncertified {
			t.Errorf("published in stable without being asked: %v", err)
		}
	}
	goes := func(l *repo.Local) (repo.Bundle, []repo.Certificate) {
		t.Helper()
		c, err := repo.ChannelFor(l, "")
		if err != nil || c != repo.Stable {
			t.Fatalf("it goes to %s, %v", c, err)
		}
		res, err := r.Publish(t.Context(), l, c)
		if err != nil {
			t.Fatal(err)
		}
		whole(t, s)
		return res.Bundle, res.Details.Certificates
	}

	closed(loadUncertified(t, path), "its certificates were not looked at")
	closed(asked(platform), "there is no certificate for el7.x86_64")
	closed(asked(), "nobody says for which platforms release 1.1 must be certified")
	certificate(t, path, at, func(c *certify.Certificate) { c.Scenarios[4].Outcome = certify.Failed })
	closed(asked(platform), "the scenario load failed")
	certificate(t, path, at, func(c *certify.Certificate) { c.Platform = "el8.x86_64" })
	closed(asked(platform), `it is for the platform "el8.x86_64"`)
	if res, err := r.Publish(t.Context(), asked(platform), repo.Testing); err != nil || len(res.Details.Certificates) != 0 {
		t.Errorf("in testing: %+v, %v", res.Details, err)
	}

	l := asked(platform)
	l.OverrideCertification("a customer waits", "somebody@here", at)
	if b, certificates := goes(l); b.Override == nil || b.Override.Reason != "a customer waits" || b.Override.By != "somebody@here" || len(certificates) != 0 {
		t.Errorf("let in: %+v", b)
	}

	certificate(t, path, at, nil)
	closed(asked(platform, "el9.x86_64"), "there is no certificate for el9.x86_64")
	b, certificates := goes(asked(platform))
	if b.Override != nil || len(certificates) != 1 || certificates[0].Window != 2.5 || certificates[0].Platform != platform ||
		certificates[0].Clients != (certify.Clients{Requests: 200, Failed: 2, Cut: 2, Longest: 2.5}) || !certificates[0].NoWrites {
		t.Fatalf("certified: %+v, %+v", b, certificates)
	}
	first := certificates[0].File
	certificate(t, path, at.Add(time.Hour), nil)
	if _, certificates = goes(asked(platform)); len(certificates) != 1 || certificates[0].File == first {
		t.Errorf("certified again: %+v", certificates)
	}
	if _, err := r.Publish(t.Context(), loadUncertified(t, path), repo.Testing); err != nil { // without its certificates at hand
		t.Fatal(err)
	}
	if _, again := goes(asked(platform)); len(again) != 1 {
		t.Errorf("published again: %+v", again)
	}
	l = asked(platform)
	l.OverrideCertification("not needed", "somebody@here", at)
	if b, _ := goes(l); b.Override != nil {
		t.Errorf("a certified bundle has the override %+v", b.Override)
	}

	// What lies in the store is looked at by verify.
	file := certificates[0].File
	text := content(t, s, file)
	if _, err := s.Put(t.Context(), file, strings.NewReader(strings.Replace(text, `"passed"`, `"failed"`, 1)), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	rep, err := open(t, s).Verify(t.Context())
	if err != nil || len(rep.Problems) == 0 || !strings.Contains(rep.Problems[0], file+": sha256 is ") {
		t.Errorf("an altered certificate: %+v, %v", rep, err)
	}
}

// Each channel has details of its own of a bundle, and verify reads them all.
func TestDetailsOfEachChannel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, at := open(t, s), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	path := build(t, jump{from: "1.0", to: "1.1", revision: 1})
	certificate(t, path, at, nil)
	certified := loadUncertified(t, path)
	if _, err := certified.Certify(public(t), []string{platform}); err != nil {
		t.Fatal(err)
	}
	let := loadUncertified(t, path) // without its certificates at hand
	let.OverrideCertification("a customer waits", "somebody@here", at)
	var files []string
	for _, l := range []struct {
		*repo.Local
		channel string
	}{{certified, repo.Testing}, {let, repo.Stable}} {
		res, err := r.Publish(t.Context(), l.Local, l.channel)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, res.Bundle.DetailsFile())
	}
	whole(t, s)
	if files[0] == files[1] {
		t.Fatal("both channels have the same details")
	}
	for _, f := range files {
		flip(t, filepath.Join(dir, f))
		rep, err := open(t, s).Verify(t.Context())
		if err != nil || len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0], f) {
			t.Errorf("%s: %v, %v", f, rep, err)
		}
		flip(t, filepath.Join(dir, f))
	}
	whole(t, s)
}
