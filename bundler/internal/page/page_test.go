package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/internal/manifest"
)

func render(t testing.TB, in Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	first := render(t, demo(t))
	if second := render(t, demo(t)); first != second {
		t.Error("the same input gave another page")
	}
}

// A jump whose data changes its database says so before anything else, and lists what moves.
func TestDataThatMoves(t *testing.T) {
	t.Parallel()
	in := demo(t)
	const note, list = "Data of the product changes its database.", "Data that changes its database"
	if page := render(t, in); strings.Contains(page, note) || strings.Contains(page, list) {
		t.Error("a page on which no data moves speaks of it")
	}
	in.Details[in.Stable.Bundles[0].SHA256].Changes.Stores = []string{"storage: 13 tables of PostgreSQL, out of Elasticsearch"}
	page := render(t, in)
	for _, want := range []string{note, list, "<li>storage: 13 tables of PostgreSQL, out of Elasticsearch</li>", "3 services, 1 store"} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page has %q %d times", want, strings.Count(page, want))
		}
	}
}

// What an admin must accept is said before anything else too, and listed.
func TestToBeAccepted(t *testing.T) {
	t.Parallel()
	in := demo(t)
	const note, list = "On some machines an administrator must accept changes", "To be accepted before"
	if page := render(t, in); strings.Contains(page, note) || strings.Contains(page, list) {
		t.Error("a page on which nothing is to be accepted speaks of it")
	}
	in.Details[in.Stable.Bundles[0].SHA256].Changes.Accept = []string{"roles: one <goes>"}
	page := render(t, in)
	for _, want := range []string{note, list, "<li>roles: one &lt;goes&gt;</li>"} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page has %q %d times", want, strings.Count(page, want))
		}
	}
}

// What clients saw stands in one line, of all platforms; an older certificate knows nothing of them.
func TestClients(t *testing.T) {
	t.Parallel()
	in := demo(t)
	for want, times := range map[string]int{
		"<dd>waited at most 4.4\u00a0s when tested, none was turned away; under way and cut off: 4 of 8000 requests</dd>": 1, "<dt>Clients</dt>": 2,
	} {
		if page := render(t, in); strings.Count(page, want) != times {
			t.Errorf("the page has %q %d times, want %d", want, strings.Count(page, want), times)
		}
	}
	for _, b := range in.Stable.Bundles {
		for i := range in.Details[b.SHA256].Certificates {
			in.Details[b.SHA256].Certificates[i].Clients = certify.Clients{}
		}
	}
	if page := render(t, in); strings.Contains(page, "<dt>Clients</dt>") {
		t.Error("the page tells of clients that nobody looked at")
	}
	in.Details[in.Stable.Bundles[0].SHA256].Certificates[0].Clients = certify.Clients{Requests: 100, Failed: 30, Longest: 0.25}
	if page, want := render(t, in), "waited at most 0.2\u00a0s when tested, turned away: 30 of 100 requests</dd>"; !strings.Contains(page, want) {
		t.Errorf("the page does not say %q", want)
	}
}

// Release notes are rendered, and whatever stands in them is no HTML of the page; a bundle without them has no such part.
func TestReleaseNotes(t *testing.T) {
	t.Parallel()
	in := demo(t)
	if page := render(t, in); strings.Contains(page, "What is new") {
		t.Error("the page tells what is new, and nobody wrote it")
	}
	in.Details[in.Stable.Bundles[0].SHA256].Notes = "# Faster\n\n- *two* times <script>alert(1)</script>\n- [more](https://example.org/new) [not](javascript:alert(1))\n"
	page := render(t, in)
	for _, want := range []string{"<summary>What is new in 4.1.1</summary>", "<h4>Faster</h4>", "<em>two</em> times &lt;script&gt;", `<a href="https://example.org/new" rel="noreferrer">more</a> not</li>`} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page does not have %q once", want)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "javascript:") {
		t.Error("what stands in notes has become a part of the page")
	}
}

// That nothing was written while a bundle was tested stands there, and on which platforms.
func TestNoWrites(t *testing.T) {
	t.Parallel()
	in := demo(t)
	if page := render(t, in); strings.Contains(page, "<dt>Writes</dt>") {
		t.Error("the page says that no writes were tried, and no certificate does")
	}
	b := in.Details[in.Stable.Bundles[0].SHA256]
	if len(b.Certificates) != 2 {
		t.Fatalf("the fixture has %d certificates", len(b.Certificates))
	}
	for i, want := range []string{"No writes were tried when tested on el7.x86_64</dd>", "No writes were tried when tested: what users write during the upgrade was not looked at</dd>"} {
		b.Certificates[i].NoWrites = true
		if page := render(t, in); strings.Count(page, "<dt>Writes</dt>") != 1 || !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// What tests did not compare stands there once, whatever the number of platforms, with its reason; nothing of it where no certificate says so.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	in := demo(t)
	if page := render(t, in); strings.Contains(page, "What tests did not compare") {
		t.Error("the page tells of what was not compared, and no certificate does")
	}
	for _, b := range in.Stable.Bundles {
		for i := range in.Details[b.SHA256].Certificates {
			in.Details[b.SHA256].Certificates[i].LeftOut = []release.LeftOut{{Part: "files", Name: "/opt/<a>", Only: manifest.New, Why: "it is a cache"}}
		}
	}
	page, want := render(t, in), "<li>files of the new release: /opt/&lt;a&gt; (it is a cache)</li>"
	if n, summaries := strings.Count(page, want), strings.Count(page, "What tests did not compare"); n == 0 || n != summaries {
		t.Errorf("%d jumps tell %q, in %d lists", n, want, summaries)
	}
}

func TestEmptyStore(t *testing.T) {
	t.Parallel()
	if page := render(t, Input{Product: "Harbour Manager", Prefix: "harbour-upgrade", Base: "file:///srv/harbour"}); !strings.Contains(page, "Nothing is published yet") {
		t.Error("an empty store's page does not say so")
	}
}

// The policy's digests are those of what stands in the page, and there is no other style or script.
func TestPolicyAllowsWhatIsThere(t *testing.T) {
	t.Parallel()
	page := render(t, demo(t))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	for _, element := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1)
		if len(found) != 1 || strings.Count(page, "<"+element) != 1 {
			t.Fatalf("%d elements %s", strings.Count(page, "<"+element), element)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("%s lacks %s", policy, want)
		}
	}
	for _, bad := range []string{"unsafe", " style=", " onclick=", "http-equiv=\"refresh\"", "//fonts", "@import", "url("} {
		if strings.Contains(strings.ReplaceAll(page, policy, ""), bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// hostile puts a piece of text into every field that has room for one.
func hostile(t *testing.T, evil string) Input {
	in := demo(t)
	in.Product, in.Prefix, in.Key, in.Generated = evil, evil, evil, evil
	in.Base = "https://example.org/" + evil
	in.Releases[0].Why, in.Releases[0].Version = evil, "3"+evil
	for _, x := range []*repo.Index{in.Stable, in.Testing} {
		for i := range x.Bundles {
			b := &x.Bundles[i]
			d := in.Details[b.SHA256]
			in.Details[evil] = d
			for _, s := range []*string{&b.NEVRA, &b.Short, &b.File, &b.SHA256, &b.Published, &b.Details, &d.NEVRA, &d.SHA256, &d.Key, &d.Built} {
				*s = evil
			}
			b.From, b.To = b.From+evil, b.To+evil
			b.Override = &repo.Override{Reason: evil, By: evil, At: evil}
			d.Changes = repo.Changes{Packages: []repo.PackageChange{{Name: evil, From: evil, To: evil, How: repo.Changed}},
				Services: []string{evil}, Config: []string{evil}, Migrations: []string{evil}, Stores: []string{evil}, Accept: []string{evil}}
			d.Companions = []repo.File{{Name: evil, File: evil, SHA256: evil}}
			d.Certificates = []repo.Certificate{{Platform: evil, File: evil, At: evil}}
		}
		x.Withdrawn = []repo.Withdrawn{{NEVRA: evil + "x", SHA256: evil, File: evil, Reason: evil, At: evil}}
	}
	return in
}

var evils = []string{
	`</script><img src=x onerror=alert(1)>`, `</style><script>alert(1)</script>`, `"><svg onload=alert(1)>`, `' onmouseover='alert(1)`,
	`javascript:alert(1)`, `</title><base href=//evil.example>`, `--><iframe srcdoc='<script>alert(1)</script>'>`, "{{.Product}}`${alert(1)}`",
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	tag := regexp.MustCompile(`<[a-zA-Z!/][^>]*>`)
	attribute := regexp.MustCompile(`\s([a-zA-Z-]+)(?:=("[^"]*"|\S+))?`)
	allowed := map[string]bool{}
	for _, m := range tag.FindAllString(render(t, demo(t)), -1) {
		allowed[elementOf(m)] = true
		for _, a := range attribute.FindAllStringSubmatch(m, -1) {
			allowed["@"+a[1]] = true
		}
	}
	for _, evil := range evils {
		page := render(t, hostile(t, evil))
		for _, m := range tag.FindAllString(page, -1) {
			if !allowed[elementOf(m)] {
				t.Errorf("%s: the page has %s", evil, m)
			}
			for _, a := range attribute.FindAllStringSubmatch(m, -1) {
				if !allowed["@"+a[1]] {
					t.Errorf("%s: the page has %s in %s", evil, a[1], m)
				}
				if a[1] == "href" && !regexp.MustCompile(`^"(\./|#|data:,"|index\.json)`).MatchString(a[2]) {
					t.Errorf("%s: a link leads to %s", evil, a[2])
				}
			}
		}
	}
}

func elementOf(tag string) string {
	return strings.ToLower(regexp.MustCompile(`^</?[a-zA-Z!]+[0-9]?`).FindString(tag))
}

// A real shell reads each quoted word back as it was.
func TestCommandsAreSafeToPaste(t *testing.T) {
	t.Parallel()
	for _, word := range append(slices.Clone(evils), "", "plain-1.0.rpm", "it's", "a b", "$(touch x)", "`x`", "a;b", "line\nline", "~root", "*", "\\", "!x", "a&b") {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s|' "+quote(word)).Output()
		if err != nil || string(out) != word+"|" {
			t.Errorf("%q quoted as %s is %q (%v)", word, quote(word), out, err)
		}
	}
	for _, evil := range []string{"$(echo PWNED)", "x; echo PWNED;", "' ; echo PWNED ; '", "\necho PWNED\n"} {
		in := hostile(t, evil)
		for _, j := range newView(in).Jumps {
			if j.Bundle == nil {
				continue
			}
			for _, s := range append(j.Bundle.Steps, in.repositoryStep(), in.keyStep()) {
				// every program is a function that does nothing
				script := "curl() { :; }; dnf() { :; }; rpm() { :; }; mkdir() { false; }; sha256sum() { cat >/dev/null; }; gpg() { :; }\n" + s.Command
				out, _ := exec.CommandContext(t.Context(), "bash", "-c", script).Output()
				if slices.Contains(strings.Fields(strings.ReplaceAll(string(out), "echo PWNED", "")), "PWNED") {
					t.Errorf("%q ran: %s", evil, s.Command)
				}
			}
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0\u00a0kB", 999_949: "999.9\u00a0kB", 999_950: "1.0\u00a0MB", 44_181_096: "44.2\u00a0MB", 1_300_000_000: "1.3\u00a0GB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
	for s, want := range map[float64]string{0: "0.0\u00a0s", 6.6: "6.6\u00a0s", 9.96: "10\u00a0s", 59.4: "59\u00a0s", 59.6: "1\u00a0min\u00a000\u00a0s", 92: "1\u00a0min\u00a032\u00a0s", 3660: "1\u00a0h\u00a001\u00a0min"} {
		if got := duration(s); got != want {
			t.Errorf("%v s: %s, want %s", s, got, want)
		}
	}
	if got := relative("packages/a b/x+1~2^3.rpm"); got != "./packages/a%20b/x%2B1~2%5E3.rpm" {
		t.Error(got)
	}
}
