package page

import (
	"bytes"
	_ "embed"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

func TestInBrowser(t *testing.T) {
	t.Parallel()
	ctx := startBrowser(t)
	page := render(t, demo(t))
	t.Run("way", func(t *testing.T) { t.Parallel(); testWay(t, open(t, ctx, page, look{})) })
	t.Run("copy", func(t *testing.T) { t.Parallel(); testCopy(t, open(t, ctx, page, look{})) })
	t.Run("no way", func(t *testing.T) { t.Parallel(); testNoWay(t, open(t, ctx, page, look{})) })
	t.Run("address", func(t *testing.T) { t.Parallel(); testAddress(t, open(t, ctx, page, look{hash: "#way-4.0.1-4.2.0"})) })
	t.Run("no script", func(t *testing.T) {
		t.Parallel()
		testNoScript(t, open(t, ctx, page, look{noScript: true, hash: "#way-4.0.1-4.2.0"}))
	})
	t.Run("hostile", func(t *testing.T) {
		t.Parallel()
		evil := strings.Join(evils, " ")
		testHostile(t, open(t, ctx, render(t, hostile(t, evil)), look{}), evil)
	})
	pictures := t.ArtifactDir()
	for name, l := range map[string]look{
		"phone-light": {width: 360, height: 800}, "phone-dark": {width: 360, height: 800, dark: true},
		"desk-light": {width: 1280, height: 900}, "desk-dark": {width: 1280, height: 900, dark: true},
		"print": {width: 794, height: 1123, print: true},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); testLook(t, open(t, ctx, page, l), l, filepath.Join(pictures, name)) })
	}
}

func testWay(t *testing.T, b *tab) {
	b.choose("from", "4.0.1")
	b.choose("to", "4.2.0")
	if got := b.shown("#jumps, .jump h3, .jump .nth"); !slices.Equal(got, []string{"From 4.0.1 to 4.2.0", "Install 1 of 2", "4.0.1 to 4.1.1", "Install 2 of 2", "4.1.1 to 4.2.0"}) {
		t.Errorf("shown: %q", got)
	}
	if got := b.shown("#answer"); len(got) != 1 || !strings.HasPrefix(got[0], "Two installs, one after the other: 4.1.1, then 4.2.0.") {
		t.Errorf("the answer is %q", got)
	}
	if got := eval[int](b, "document.querySelectorAll('.edge.on').length*10 + document.querySelectorAll('.stop.on').length"); got != 23 {
		t.Errorf("the picture has %d lines and stops of the way", got)
	}
	b.do(chromedp.Click(chromedp.ID("all")))
	if got := b.shown(".jump h3"); len(got) != 4 {
		t.Errorf("after Show all: %q", got)
	}
	b.choose("from", "4.2.0")
	b.choose("to", "4.3.0")
	if got := b.shown(".jump h3, .jump .nth, .jump .badge"); !slices.Equal(got, []string{"4.2.0 to 4.3.0", "not certified"}) {
		t.Errorf("shown: %q", got)
	}
	b.quiet()
}

// quiet holds that the page asked nobody for anything and that nothing went wrong in it.
func (b *tab) quiet() {
	b.t.Helper()
	asked, trouble := b.noted()
	for _, a := range asked {
		if a != "server: /index.html" && !strings.HasPrefix(a, "browser: "+b.url) && a != "browser: data:," {
			b.t.Errorf("a request left the page: %s", a)
		}
	}
	if len(asked) < 2 || len(trouble) > 0 {
		b.t.Errorf("asked for %q; trouble: %q", asked, trouble)
	}
}

func testCopy(t *testing.T, b *tab) {
	allow := func(name string) {
		_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name},
			Setting: browser.PermissionSettingGranted, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID})
		if err != nil {
			t.Fatal(err)
		}
	}
	allow("clipboard-read")
	// A button says "Copied" for some seconds; here it goes on saying so, however slow the machine is.
	eval[bool](b, "{ const later = setTimeout; globalThis.setTimeout = (f, ms) => ms < 4000 ? later(f, ms) : 0; true }")
	for _, secure := range []bool{true, false} {
		if !secure { // as on a page that came by http: no clipboard, the older way
			eval[bool](b, "Object.defineProperty(navigator, 'clipboardOfThePage', {value: navigator.clipboard}) && Object.defineProperty(navigator, 'clipboard', {value: undefined}) && true")
		}
		for _, id := range []string{"jump-0-1", "jump-1-4", "add-repository"} {
			b.do(chromedp.Click(chromedp.CSS("[data-copy='" + id + "']")))
			b.do(chromedp.WaitVisible(chromedp.CSS("[data-copy='" + id + "'].done")))
			command := eval[string](b, "document.getElementById('"+id+"').textContent")
			if got := eval[string](b, "(navigator.clipboardOfThePage || navigator.clipboard).readText()"); got != command || !strings.Contains(command, "harbour-upgrade") {
				t.Errorf("the clipboard has %q, the command is %q", got, command)
			}
			if got := eval[string](b, "document.getElementById('told').textContent"); !strings.HasPrefix(got, "Copied: ") {
				t.Errorf("who cannot see is told %q", got)
			}
			if got := b.shown("[data-copy='" + id + "'] .word"); !slices.Equal(got, []string{"Copied"}) {
				t.Errorf("the button says %q", got)
			}
		}
	}
	b.quiet()
}

func testNoWay(t *testing.T, b *tab) {
	for _, tt := range []struct{ from, to, want string }{
		{"3.4.2", "4.2.0", "There is no upgrade from 3.4.2 to 4.2.0: 3.4.2 keeps its data in another kind of database; the data must be moved"},
		{"4.2.0", "4.0.1", "4.0.1 is older than 4.2.0"},
		{"4.1.1", "4.1.1", "You have 4.1.1 already"},
	} {
		b.choose("from", tt.from)
		b.choose("to", tt.to)
		if got := b.shown("#answer"); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s to %s: %q", tt.from, tt.to, got)
		}
		if got := b.shown(".jump"); len(got) != 0 {
			t.Errorf("%s to %s shows %q", tt.from, tt.to, got)
		}
	}
	b.choose("from", "4.3.0")
	b.choose("to", "4.4.0")
	if got := strings.Join(b.shown("#answer, .jump"), "\n"); !strings.Contains(got, "4.3.0 to 4.4.0 is not published.") || !strings.Contains(got, "withdrawn on 2 October 2026") || strings.Contains(got, "curl") {
		t.Errorf("a jump that is not published: %s", got)
	}
}

// An address that somebody sent opens the way, and picking one makes such an address.
func testAddress(t *testing.T, b *tab) {
	if got := b.shown(".jump h3"); !slices.Equal(got, []string{"4.0.1 to 4.1.1", "4.1.1 to 4.2.0"}) {
		t.Errorf("shown: %q", got)
	}
	if y := eval[float64](b, "new Promise(r => setTimeout(r, 100)).then(() => scrollY)"); y != 0 {
		t.Errorf("the answer stands at the top, and %v pixels further down is what is shown", y)
	}
	b.choose("to", "4.1.1")
	if got := eval[string](b, "location.hash"); got != "#way-4.0.1-4.1.1" {
		t.Errorf("the address ends in %s", got)
	}
	// A link that leads to an install that is hidden. The browser tells the page of the new address after the click is over.
	b.do(chromedp.Click(chromedp.CSS("[data-from='4.2.0'][data-to='4.3.0'] .jumps a")), chromedp.WaitVisible(chromedp.CSS(".jump:target")))
	if got := b.shown(".jump h3"); len(got) != 4 {
		t.Errorf("shown: %q", got)
	}
}

func testNoScript(t *testing.T, b *tab) {
	if got := b.shown(":target .said"); len(got) != 1 || !strings.HasPrefix(got[0], "Two installs") {
		t.Errorf("the address leads to %q", got)
	}
	if got := b.shown("#ask, button"); len(got) != 0 {
		t.Errorf("without a script there is %q that does nothing", got)
	}
	if got := b.shown(".jump h3"); len(got) != 4 {
		t.Errorf("jumps: %q", got)
	}
	all := strings.Join(b.shown("body"), "")
	for _, want := range []string{
		"You have 3.4.2", "another kind of database", "Two installs, one after the other: 4.1.1, then 4.2.0.", digest(11), "rpm -K harbour-upgrade-4.2.0.rpm",
		"bin/engine check", "dnf install -y ./harbour-upgrade-4.2.0.rpm && harbour-upgrade wait", "dnf install -y harbour-upgrade-4.2.0 &&",
		"9F3C 51B2", "3.2\u00a0s when tested on el7.x86_64", "4.1\u00a0s when tested on el8.x86_64", "for testing only", "is not published",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	links := eval[[]string](b, "[...document.links].filter(a => a.checkVisibility()).map(a => a.getAttribute('href'))")
	for _, want := range []string{"./harbour-upgrade-4.1.1.rpm", "./packages/" + digest(31) + "/harbour-upgrade-4.2.0-4.2.0-2.x86_64.rpm", "./RPM-GPG-KEY-harbour-upgrade", "index.json"} {
		if !slices.Contains(links, want) {
			t.Errorf("no link leads to %s", want)
		}
	}
	for _, l := range links {
		if id, is := strings.CutPrefix(l, "#"); is && !eval[bool](b, "document.getElementById('"+id+"') !== null") {
			t.Errorf("the link %s leads nowhere", l)
		}
	}
	b.quiet()
}

func testHostile(t *testing.T, b *tab, evil string) {
	if n := eval[int](b, "document.querySelectorAll('img, iframe, object, embed, base, script + script, svg [onload], [onerror], [onmouseover]').length"); n != 0 {
		t.Errorf("%s: %d elements came out of text", evil, n)
	}
	for _, field := range []string{".eyebrow", ".callout", ".changes table", "#from option"} {
		if got := eval[[]string](b, "[...document.querySelectorAll('"+field+"')].map(e => e.textContent)"); !strings.Contains(strings.Join(got, ""), evil) {
			t.Errorf("%s: %s does not show it as text: %q", evil, field, got)
		}
	}
	b.quiet()
}

//go:embed testdata/axe.min.js
var axe string

func testLook(t *testing.T, b *tab, l look, name string) {
	b.picture(t, name+"-all.png")
	b.fits(t)
	if l.print {
		if got := b.shown(".changes h4, button"); !slices.Equal(got, slices.Repeat([]string{"Packages", "Services", "Configuration files", "Migrations of the database", "Agents"}, 3)) {
			t.Errorf("on paper are folded parts and no buttons, not %q", got)
		}
		return
	}
	b.choose("from", "4.0.1")
	b.picture(t, name+"-way.png")
	b.fits(t)
	eval[bool](b, "document.querySelectorAll('details').forEach(d => { d.open = true }), true")
	b.fits(t)
	b.do(chromedp.Click(chromedp.ID("all")))
	b.quiet()
	if l.dark == (l.width > 1000) { // each width and each scheme once
		b.picture(t, name+"-whole.png")
		accessible(t, b)
	}
}

// accessible asks axe-core.
func accessible(t *testing.T, b *tab) {
	eval[bool](b, axe+"; true")
	found := eval[struct {
		Held  int
		Wrong []struct{ ID, Help, Where string }
	}](b, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]}).then(r => ({
		Held: r.passes.length, Wrong: r.violations.flatMap(v => v.nodes.map(n => ({ID: v.id, Help: v.help, Where: n.html})))}))`)
	for _, v := range found.Wrong {
		t.Errorf("%s: %s: %.200s", v.ID, v.Help, v.Where)
	}
	if found.Held < 25 {
		t.Errorf("only %d rules were found to hold: it did not look at everything", found.Held)
	}
}

// fits holds that nothing is wider than the window.
func (b *tab) fits(t *testing.T) {
	t.Helper()
	wide := eval[[]string](b, `[...document.querySelectorAll("body, body *")].filter(e => !e.classList.contains("unseen") && !e.classList.contains("skip") &&
		(e.getBoundingClientRect().right > innerWidth + .5 || e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().left < 0)).map(e => e.outerHTML.slice(0, 120))`)
	if n := eval[int](b, "[...document.querySelectorAll('button .word')].filter(e => e.getClientRects().length > 1).length"); n > 0 {
		t.Errorf("%d buttons are broken into two lines", n)
	}
	if width := eval[int](b, "document.documentElement.scrollWidth - innerWidth"); width > 0 || len(wide) > 0 {
		t.Errorf("%d pixels wider than the window: %q", width, wide)
	}
}

// picture keeps what is seen; go test -artifacts -outputdir=DIR keeps it beyond the test.
func (b *tab) picture(t *testing.T, path string) {
	t.Helper()
	take := chromedp.CaptureScreenshot()
	if strings.HasSuffix(path, "whole.png") {
		take = chromedp.FullScreenshot(100)
	}
	file, err := chromedp.Run(b.ctx, take)
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err := image.DecodeConfig(bytes.NewReader(file)); err != nil || c.Width < 320 || c.Height < 640 {
		t.Errorf("%s is %d x %d (%v)", path, c.Width, c.Height, err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}
