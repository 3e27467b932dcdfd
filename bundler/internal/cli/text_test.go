package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/conffile"
	"onerpm/bundler/internal/diff"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

func TestTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rows [][]string
		want string
	}{
		{nil, ""},
		{[][]string{{"a"}}, "> a\n"},
		{[][]string{{"a", "b"}, {"long", "c"}}, "> a     b\n> long  c\n"},
		{[][]string{{"a", "", ""}, {"b", "c", ""}}, "> a\n> b  c\n"},
		{[][]string{{"ä", "b"}, {"aa", "c"}}, "> ä   b\n> aa  c\n"},
	} {
		if got := table("> ", tt.rows); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.rows, got, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 1<<30 - 1: "1024.0 MiB", 1 << 30: "1.00 GiB", 5 << 40: "5120.00 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// Colours are for terminals alone: what is piped has none, whatever the environment says.
func TestColours(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if colours(&streams{env: []string{"TERM=xterm"}}, &b) {
		t.Error("a buffer is no terminal")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) {
		t.Error("/dev/null is no terminal")
	}
	if got := palette(false).red("x") + palette(false).green("x") + palette(false).bold("x"); got != "xxx" {
		t.Errorf("got %q", got)
	}
	if got := palette(true).red("x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
}

// Without a terminal a step is one line at its end, by however many it is done; one that failed says nothing more.
func TestProgress(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newProgress(&streams{err: &b}, "fetch", 3<<20)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { p.add(1 << 20) })
	}
	all.Wait()
	p.note("%d of %d", 1, 2)
	p.end(nil)
	p.end(nil) // once is enough
	if got := b.String(); got != "fetch: 1 of 2\nfetch: 3.0 MiB done\n" {
		t.Errorf("got %q", got)
	}
	b.Reset()
	p = newProgress(&streams{err: &b}, "fetch", 1)
	p.end(errors.New("failed"))
	if b.Len() != 0 {
		t.Errorf("got %q", b.String())
	}
}

// closed is an output that takes nothing.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestOutputThatFails(t *testing.T) {
	t.Parallel()
	s := &streams{out: closed{}, err: closed{}}
	for _, err := range []error{s.print("x"), s.printJSON(1)} {
		if exit.Code(err) != exit.Output || err.Error() != "write the result: closed" {
			t.Errorf("got %v", err)
		}
	}
	s.report(errors.New("nobody reads it")) // and nothing breaks
}

func TestDiffText(t *testing.T) {
	t.Parallel()
	r := diff.Jump{
		From: "1.0", To: "2.0", Product: "App", Bundle: "app-upgrade-2.0",
		Packages: []diff.Package{
			{Name: "b", Change: plan.Changed, Old: "1-1", New: "2-1"}, {Name: "a", Change: plan.Added, New: "1-1", Optional: true},
			{Name: "c", Change: plan.Changed, Old: "9-1", New: "2-1", Backwards: true}, {Name: "d", Change: plan.Changed, Old: "1-1", New: "1-1"},
			{Name: "e", Change: plan.Removed, Old: "1-1", Part: diff.Late}, {Name: "g", Change: plan.Added, New: "1-1", Part: diff.Early, Optional: true}, {Name: "f", Change: plan.Unchanged, Old: "1-1", New: "1-1"},
		},
		Files: []diff.File{{Package: "b", Path: "/opt/b", Change: plan.Removed}},
		Scripts: []diff.Script{{Package: "b-2-1", Kind: "post", When: "runs when its files are there", Decided: "kept", Why: "read"},
			{Package: "b-1-1", Kind: "postun", When: "runs last in the upgrade", Decided: "skipped"}, {Package: "a-1-1", Kind: "pre", When: "runs before its files come", Decided: "nothing"}},
		Config: []diff.Config{
			{Target: "/etc/a.yaml", Change: plan.Changed, Format: "yaml", Set: map[string]string{"k": "5 random characters", "only.set": "1"},
				Changes: []conffile.Change{{Op: "+", Key: "k", New: "x"}, {Op: "-", Key: "gone", Old: "y"}, {Op: "~", Key: "m", Old: "1", New: "2\n3\n4"}}},
			{Target: "/etc/b", Change: plan.Added, Format: "text", Changes: []conffile.Change{{Op: "+", New: "a"}, {Op: "+", New: "b"}}},
			{Target: "/etc/c", Change: plan.Changed, Format: "text", Changes: []conffile.Change{{Op: "-", Old: "a  "}, {Op: "+", New: "b"}}},
		},
		Services: []manifest.Service{
			{Unit: "app", Only: manifest.New, Health: &manifest.Health{Within: manifest.Duration(time.Minute)}},
			{Unit: "old", Only: manifest.Old, Drain: &manifest.Drain{Within: manifest.Duration(5 * time.Minute), Else: "refuse"}},
			{Unit: "nginx", Door: true},
		},
		Databases: []diff.Database{{Name: "main", Migrations: []diff.Migration{{Number: 1, Phase: "expand", Name: "add_a_column"}, {Number: 2, Phase: "switch", Name: "drop"}}, Backfill: []string{"t", "u"}}},
		Hooks: manifest.Hooks{Switch: []manifest.Hook{{Run: "hooks/a", Undo: "hooks/a-undo", Timeout: manifest.Duration(time.Second)}},
			Open: []manifest.Hook{{Run: "hooks/b", Timeout: manifest.Duration(time.Second)}}},
		Agents: &manifest.Agents{API: "http://127.0.0.1/api", Canary: 1, Batch: 5, Stop: 20, Headers: manifest.Headers{File: "/etc/app/credentials"},
			Groups: manifest.AgentGroups{Becomes: "2.0"}, Work: manifest.AgentWork{Path: "executions", Within: manifest.Duration(time.Minute)}},
		Early:  []manifest.EarlyService{{Unit: "g", Setup: "g-setup", Timeout: manifest.Duration(time.Minute), Makes: []string{"/var/lib/g"}}, {Unit: "h"}},
		Moves:  []manifest.Move{{From: "/opt/a", To: "/opt/b"}, {Each: "/opt/c", Into: "/opt/c/d"}},
		Owners: []manifest.Owner{{Path: "/opt/c", User: "app"}, {Path: "/opt/d", User: "app", Group: "apps"}},
		State:  []string{"/opt/app/data"}, Keep: []string{"/var/lib/e"},
	}
	want := `App 1.0 to 2.0, by app-upgrade-2.0

packages
  +  a  -    1-1  optional
  +  g  -    1-1  comes while the old release serves, optional
  ~  b  1-1  2-1
  ~  c  9-1  2-1  the version goes backwards
  ~  d  1-1  1-1  the same version, built anew
  -  e  1-1  -    erased after the commit
  =  f  1-1  1-1

files of the packages
  -  /opt/b  b

scriptlets and triggers on the way there (on the way back none runs)
  %post    b-2-1  runs when its files are there  kept: read
  %postun  b-1-1  runs last in the upgrade       left out
  %pre     a-1-1  runs before its files come     nothing decided

configuration
  ~ /etc/a.yaml
      !  k         set to 5 random characters
      -  gone      y
      ~  m         1 > 2 ... (3 lines)
      !  only.set  set to 1
  + /etc/b
      2 lines
  ~ /etc/c
      - a
      + b

services, in the order they start
  app    new; healthy within 1m0s
  old    not started any more; drained for up to 5m0s, else refuse
  nginx  the door

services that start while the old release serves
  g  set up by g-setup, for at most 1m0s; makes /var/lib/g
  h

files that move
  /opt/a  to /opt/b    the file or folder
  /opt/c  to /opt/c/d  all that is in it

files that get another owner
  /opt/c  app
  /opt/d  app, group apps

databases
  main
      1  expand  add a column  while the old release serves
      2  switch  drop          in the window
      backfill of t, u

hooks
  switch  hooks/a  in the window                  for at most 1s; undone by hooks/a-undo
  open    hooks/b  while the new release serves  for at most 1s; no undo

agents, after the upgrade
  asked of  http://127.0.0.1/api/executions
  let in by  /etc/app/credentials
  become    2.0
  first     1 group, one after the other; then 5 at a time
  stop      when more than 20% of the groups failed
  a group   may take up to 1m0s

state that is kept
  /opt/app/data

folders that stay until clean
  /var/lib/e
`
	squeeze := func(s string) string { // columns are table's business
		var out []string
		for line := range strings.Lines(s) {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
		return strings.Join(out, "\n")
	}
	if got := squeeze(diffText(r, false)); got != squeeze(want) {
		t.Errorf("got\n%s\nwant\n%s", got, squeeze(want))
	}
	if got := diffText(diff.Jump{Product: "App", From: "1.0", To: "2.0", Bundle: "b"}, false); got != "App 1.0 to 2.0, by b\n" {
		t.Errorf("nothing to tell: %q", got)
	}
}

// What certify shows: a line for each scenario, then whether there is a certificate. A
// failed scenario is an error that names it and what to do.
func TestCertified(t *testing.T) {
	t.Parallel()
	passed := certify.Scenario{Name: "fresh", Outcome: certify.Passed, Seconds: 12.34, Window: 2.5, Limit: 60}
	load := certify.Scenario{Name: "load", Outcome: certify.Passed, Seconds: 3, Load: &certify.Load{Good: 8, Asked: 10, Gap: 0.5, Writes: 7}}
	clients := certify.Scenario{Name: "clients", Outcome: certify.Passed, Seconds: 4, Back: &certify.Clients{Requests: 9, Failed: 3, Longest: 1.25},
		Clients: &certify.Clients{Requests: 8, Failed: 2, Cut: 2, Longest: 2.5}}
	failed := certify.Scenario{Name: "failing", Outcome: certify.Failed, Seconds: 1, Reason: "the unit runs\nmore of it"}
	c := certify.Certificate{Bundle: "app.rpm", Platform: "el9.x86_64", Machine: certify.Facts{System: "Rocky 9", RPM: "4.16", PostgreSQL: "15"}, Outcome: certify.Passed}
	tests := []struct {
		name      string
		scenarios []certify.Scenario
		outcome   string
		file      string
		lines     []string
		err       string
	}{
		{"all well", []certify.Scenario{passed, load, clients}, certify.Passed, "dist/c.json",
			[]string{"app.rpm on el9.x86_64 (Rocky 9, rpm 4.16, PostgreSQL 15)", "fresh passed 12.3 s 2.5 s (limit 60 s)", "load passed 3.0 s - 8 of 10 questions answered, longest gap 0.5 s; 7 writes",
				"clients passed 4.0 s - 8 requests, longest wait 2.5 s, none turned away, 2 cut off; on the way back: 9 requests, longest wait 1.2 s, 3 turned away, 0 cut off", "certified: dist/c.json"}, ""},
		{"no writes", []certify.Scenario{{Name: "load", Outcome: certify.Passed, Untried: certify.NoWrites + ": nothing is there", Load: &certify.Load{Good: 8, Asked: 10}}, {Name: "clients", Outcome: certify.Passed, Untried: certify.NoWrites + ": x"}}, certify.Passed, "dist/c.json",
			[]string{"8 of 10 questions answered, longest gap 0.0 s; no writes were tried", "clients passed 0.0 s - no writes were tried"}, ""},
		{"one failed", []certify.Scenario{passed, failed}, certify.Failed, "dist/c.json",
			[]string{"failing failed 1.0 s - the unit runs", "not certified: dist/c.json"}, "app.rpm fails on el9.x86_64: failing"},
		{"some only", []certify.Scenario{passed}, certify.Passed, "", []string{"no certificate was written: only some of the scenarios were run"}, ""},
	}
	for _, tt := range tests {
		c.Scenarios, c.Outcome = tt.scenarios, tt.outcome
		for _, json := range []bool{false, true} {
			var out bytes.Buffer
			err := (&streams{out: &out}).certified(CertifyOptions{JSON: json}, certifyResult{Certificate: c, SHA256: "00", File: tt.file})
			if tt.err == "" && err != nil || tt.err != "" && (exit.Code(err) != exit.Uncertified || err.Error() != tt.err || !strings.HasSuffix(exit.Hint(err), "--only failing")) {
				t.Errorf("%s: %v", tt.name, err)
			}
			shown := strings.Join(strings.Fields(out.String()), " ")
			for _, line := range tt.lines {
				if !json && !strings.Contains(shown, line) {
					t.Errorf("%s: %q is not in\n%s", tt.name, line, out.String())
				}
			}
			if json && !strings.Contains(out.String(), `"sha256": "00"`) {
				t.Errorf("%s: %s", tt.name, out.String())
			}
		}
	}
}

// The certificate and its signature appear together, or not at all.
func TestWriteCertificate(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../../test/keys/demo.key.asc")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	key, err := sign.Load(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := certify.Certificate{Bundle: "app.rpm", Platform: "el9.x86_64", Outcome: certify.Passed, Started: time.Unix(1e9, 0).UTC(), Ended: time.Unix(1e9+60, 0).UTC()}
	name, err := writeCertificate(c, strings.Repeat("0", 64), key, filepath.Join(dir, "app.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, name + ".asc"} {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := writeCertificate(c, strings.Repeat("0", 64), key, filepath.Join(dir, "nowhere", "\x00", "app.rpm")); err == nil {
		t.Error("a folder that cannot be made took a certificate")
	}
}

func TestTeller(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	tell := &teller{s: &streams{err: &b}, began: time.Now()}
	tell.printf("fresh", "one\ntwo %d\n", 3)
	if got := strings.Join(strings.Fields(b.String()), " "); got != "0.0 s fresh one two 3" || strings.Count(b.String(), "\n") != 2 {
		t.Errorf("got %q", b.String())
	}
}

// A passphrase comes from the first line of a file, never from an argument; without a
// terminal and a file it is an error that says what to do.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "passphrase")
	for text, want := range map[string]string{"secret": "secret", "secret\nmore": "secret", "secret\r\n": "secret", "": "", " a b \n": " a b "} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*streams{{}, {env: []string{"BUNDLER_PASSPHRASE_FILE=" + file}}} {
			given := file
			if s.env != nil {
				given = ""
			}
			if got, err := passphrase(t.Context(), s, "key", given); err != nil || string(got) != want {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
		}
	}
	if _, err := passphrase(t.Context(), &streams{}, "key", file+".nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := passphrase(t.Context(), &streams{in: strings.NewReader("x\n")}, "key", ""); err == nil || !strings.Contains(err.Error(), "--passphrase-file FILE") {
		t.Errorf("got %v", err)
	}
}

// What is signed is signed with the key that was named; without one only the demo's own project has a key.
func TestSigningKey(t *testing.T) {
	t.Parallel()
	const demo = "../../../test/keys/demo.key.asc"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "no.key"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, project, key string
		env                []string
		want               string // "" for the demo's key
	}{
		{"named", dir, demo, nil, ""},
		{"by the environment", dir, "", []string{"BUNDLER_KEY=" + demo}, ""},
		{"the flag counts", dir, demo, []string{"BUNDLER_KEY=nowhere"}, ""},
		{"of the project", "../../..", "", nil, ""},
		{"none", dir, "", nil, "there is no key to sign with"},
		{"not there", dir, filepath.Join(dir, "nowhere"), nil, "read the key: "},
		{"no key", dir, filepath.Join(dir, "no.key"), nil, "read the key " + filepath.Join(dir, "no.key")},
	}
	for _, tt := range tests {
		key, err := signingKey(t.Context(), &streams{env: tt.env}, tt.project, KeyOptions{Key: tt.key})
		switch {
		case tt.want == "" && (err != nil || !key.Demo()):
			t.Errorf("%s: %v", tt.name, err)
		case tt.want != "" && (exit.Code(err) != exit.Usage || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Only this machine's own addresses are loopback; a name can lead anywhere.
func TestOnLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"http://127.0.0.1:7480/test/x": true, "http://[::1]/test/x": true,
		"http://localhost/x": false, "http://127.0.0.1.example.org/x": false, "https://test.s3.amazonaws.com/x": false, "http://10.0.0.1/x": false, "://": false, "": false,
	} {
		if got := onLoopback(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// A release is on the page once, with the reason why no jump starts there, whether or not a file describes it.
func TestReleasesOfThePage(t *testing.T) {
	t.Parallel()
	cat := &release.Catalog{Jumps: map[string]string{"2": "3"}, Releases: []*release.Release{{Version: "1"}, {Version: "2"}, {Version: "3"}},
		Product: release.Product{Unreached: []release.Unreached{{Version: "0", Why: "files"}, {Version: "1", Why: "patch it"}, {Version: "2", Why: "once there was no way"}}}}
	want := []repo.Release{{Version: "0", Why: "files"}, {Version: "1", Why: "patch it"}, {Version: "2", Next: "3"}, {Version: "3"}}
	if got := releases(cat); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// The table of a certification shows the refusal, whatever warnings stand before it.
func TestHeadline(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"the window was too long\nmore":                                                                                  "the window was too long",
		"start the upgrade: exit code 3: refuse  config-conflict: /etc/a\n  1.0: x":                                      "start the upgrade: exit code 3: refuse  config-conflict: /etc/a",
		"start the upgrade: exit code 3: warn    clients-connected: 20\n  -> nothing\nrefuse  config-conflict: /etc/a\n": "start the upgrade: exit code 3: refuse  config-conflict: /etc/a",
	} {
		if got := headline(reason); got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
}

// RPMs of the old release in the new one's folder are a slip that new says.
func TestNewOfTheSamePackages(t *testing.T) {
	t.Parallel()
	const slip = "both releases have the same packages"
	for _, r := range []newResult{{Jump: "1-2"}, {Jump: "1-2", Changed: 1}, {Jump: "1-2", Added: 1}, {Jump: "1-2", Removed: 1}} {
		if got, want := strings.Contains(r.text(false), slip), r.Added+r.Changed+r.Removed == 0; got != want {
			t.Errorf("%+v: said %v, want %v", r, got, want)
		}
	}
}
