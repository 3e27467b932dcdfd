package page

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	chromelog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// startBrowser starts the machine's Chromium without a window; it ends with the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the page is looked at with Chromium: %v (make prepare installs it)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program),
		chromedp.NoSandbox, // the tests run as root
		chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// tab is a page that somebody looks at.
type tab struct {
	t       *testing.T
	ctx     context.Context
	url     string
	mu      sync.Mutex
	asked   []string // addresses that the browser asked for
	trouble []string // exceptions, and what the policy refused
}

// look is how somebody looks at it.
type look struct {
	width, height int64
	dark, print   bool
	noScript      bool
	hash          string
}

// open serves a page on loopback and looks at it.
func open(t *testing.T, browserCtx context.Context, page string, l look) *tab {
	t.Helper()
	b := &tab{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.note(&b.asked, "server: "+r.URL.Path)
		if r.URL.Path != "/index.html" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, page)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := chromedp.NewContext(browserCtx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	b.ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	b.url = server.URL + "/index.html"
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}}
	if l.dark {
		media.Features[0].Value = "dark"
	}
	if l.print {
		media.Media = "print"
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, chromelog.Enable, cdp.Empty{})
	call(b, emulation.SetEmulatedMedia, media)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.listen()
	b.do(chromedp.EmulateViewport(max(l.width, 320), max(l.height, 640)), chromedp.Navigate(b.url+l.hash))
	return b
}

func (b *tab) listen() {
	err := chromedp.Listen(b.ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			b.note(&b.asked, "browser: "+e.Request.URL)
		case *runtime.EventExceptionThrown:
			b.note(&b.trouble, e.ExceptionDetails.Text)
		case *chromelog.EventEntryAdded:
			b.note(&b.trouble, e.Entry.Text)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) note(list *[]string, s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, s)
}

// noted returns what was asked for, and what went wrong.
func (b *tab) noted() (asked, trouble []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked), slices.Clone(b.trouble)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// choose picks an option as somebody with a keyboard does, who also begins anew when a key took
// so long that the browser took the next one for the first of another word.
func (b *tab) choose(list, option string) {
	b.t.Helper()
	got := ""
	for range 5 {
		b.do(chromedp.Focus(chromedp.ID(list)), chromedp.SendKeys(chromedp.ID(list), option))
		if got = eval[string](b, "document.getElementById('"+list+"').value"); got == option {
			return
		}
		time.Sleep(2 * time.Second)
	}
	b.t.Fatalf("%q was picked in %s, %q is shown", option, list, got)
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// eval asks the page; a promise is waited for.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// shown returns the text of the elements that can be seen.
func (b *tab) shown(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, "[...document.querySelectorAll(`"+selector+"`)].filter(e => e.checkVisibility()).map(e => e.innerText.trim())")
}
