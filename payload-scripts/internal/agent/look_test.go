package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/agentapi"
)

// TestUntilNoneWaits: what comes and what becomes ready while agents are upgraded is upgraded too.
func TestUntilNoneWaits(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 4, 2)
	p.groups[2].state = "starting"
	p.onAsk = func(n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch n {
		case 1:
			p.groups[2].state = "started"
		case 4, 5: // one more comes when the other is asked
			p.groups = append(p.groups, &fakeGroup{tenant: "tenant-0", name: "late" + strings.Repeat("r", n), state: "started", version: []string{"1.0"}})
		}
	}
	wantUpgraded(t, hurry(t, p, start(t)), 6, 10)
	wantAskedOnce(t, p)
}

// TestMovedWhileRead removes what was read already while a list is read, so that something moves from the next page to the one before.
func TestMovedWhileRead(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]bool{"asked for by name": true, "looked for again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduct(t, 1, 60, 3) // 4 items each
			p.set(true, 25)              // the first of the second page
			var looks atomic.Int64
			p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if r.URL.Query().Get("_offset") == "100" && strings.HasSuffix(r.URL.Path, "/instances") && looks.Add(1) == 2 {
					p.mu.Lock()
					p.groups = append(p.groups[:3:3], p.groups[4:]...)
					p.mu.Unlock()
				}
				next(w, r)
			})
			r := hastyRunner(t, p, start(t))
			r.api.Spec.Lists.Total, r.api.Spec.Groups.ID, r.api.Spec.Stop = "", "", 50 // nothing tells that it moved
			if !find {
				r.api.Spec.Groups.Find = ""
			}
			rec, err := r.end(t.Context(), r.run(t.Context()))
			if failed, _ := rec.Count(Failed); err != nil || rec.State != Stopped || failed != 1 || looks.Load() < 2 {
				t.Errorf("%v, %s, %d failed, %d looks: %s", err, rec.State, failed, looks.Load(), rec.Why)
			}
			if _, err := r.end(t.Context(), r.compare(t.Context())); err != nil {
				t.Fatal(err)
			}
			if n := len(r.book.record().Groups); n != 59 {
				t.Errorf("%d groups in the record when one is gone of 60", n)
			}
		})
	}
}

// TestChangesWhileRead: where ids and totals tell that a list has changed, it is read again, and each agent counts once.
func TestChangesWhileRead(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 60, 3)
	var pages atomic.Int64
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if strings.HasSuffix(r.URL.Path, "/instances") {
			p.mu.Lock()
			switch pages.Add(1) {
			case 2:
				p.groups = append([]*fakeGroup{{tenant: "tenant-0", name: "new", state: "started", version: []string{"2.0"}}}, p.groups...)
			case 5:
				p.groups = append(p.groups[:3:3], p.groups[4:]...)
			}
			p.mu.Unlock()
		}
		next(w, r)
	})
	r := hastyRunner(t, p, start(t))
	if err := r.compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec := r.book.record()
	if _, agents := rec.Count(Waiting, Upgraded); len(rec.Groups) != 60 || agents != 59*3+1 {
		t.Errorf("%d groups with %d agents", len(rec.Groups), agents)
	}
}

// TestGone forgets a group that the product does not know any more, and one that has no agents any more is no success.
func TestGone(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 10, 2)
	p.set(true, 4, 5)
	p.onAsk = func(n int) {
		if n == 1 {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.groups = append(p.groups[:2:2], p.groups[3:]...) // it is on record, and about to be asked
		}
	}
	dir := start(t)
	rec := hurry(t, p, dir)
	if up, _ := rec.Count(Upgraded); rec.State != Stopped || len(rec.Groups) != 9 || rec.Tried != up+2 {
		t.Errorf("%s, %d groups, %d of them upgraded, %d tried: %s", rec.State, len(rec.Groups), up, rec.Tried, rec.Why)
	}
	p.mu.Lock()
	p.groups = append(p.groups[:3:3], p.groups[4:]...) // one that failed
	p.groups[3].version = nil                          // and the other
	p.mu.Unlock()
	r := hastyRunner(t, p, dir)
	if err := r.compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if failed, _ := r.book.record().Count(Failed); failed != 1 || len(r.book.record().Groups) != 8 {
		t.Errorf("%d failed of %+v", failed, r.book.record().Groups)
	}
}

// TestForgottenAgain: the list of all shows a group that there is none of by its name. It is forgotten once, and then it has failed.
func TestForgottenAgain(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 4, 1)
	odd := p.groups[2].name
	var posts atomic.Int64
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		switch {
		case r.URL.Query().Get("only") == odd:
			page(w, r, nil)
		case r.Method == http.MethodPost && bytes.Contains(body, []byte("g 02")):
			posts.Add(1)
			http.Error(w, "no such group", http.StatusNotFound)
		default:
			next(w, r)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r := hastyRunner(t, p, start(t))
	rec, err := r.end(ctx, r.run(ctx))
	up, _ := rec.Count(Upgraded)
	failed, _ := rec.Count(Failed)
	if err != nil || rec.State != Stopped || up != 3 || failed != 1 || posts.Load() > 2*(agentapi.Again+1) ||
		!strings.Contains(rec.Why, "shows nothing of it by its name") || !strings.Contains(rec.Why, "no such group") {
		t.Errorf("%v, %s, %d upgraded, %d failed, asked %d times: %s", err, rec.State, up, failed, posts.Load(), rec.Why)
	}
}

// TestShownNowAndThen: a group that failed, was forgotten and is shown again is not asked again.
func TestShownNowAndThen(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 3, 1)
	p.set(true, 2)
	dir := start(t)
	r := hastyRunner(t, p, dir)
	_ = r.run(t.Context())
	p.mu.Lock()
	all := p.groups
	p.groups = all[:2]
	p.mu.Unlock()
	if err := r.compare(t.Context()); err != nil || len(r.book.record().Groups) != 2 {
		t.Fatalf("%v: %+v", err, r.book.record().Groups)
	}
	p.mu.Lock()
	p.groups = all
	p.mu.Unlock()
	if err := r.compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next, _ := r.next(); len(next) > 0 {
		t.Errorf("asked again: %+v", next)
	}
}

// TestTenantRefuses: the others are upgraded, and it is told; a tenant that is gone is forgotten.
func TestTenantRefuses(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"its groups": "/instances", "its works": "/works", "a question": "POST /works"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduct(t, 3, 9, 1)
			var open atomic.Bool
			p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if r.Header.Get("Tenant") == "tenant-1" && strings.HasSuffix(r.Method+" "+r.URL.Path, strings.Replace(path, "POST ", "POST /v1", 1)) && !open.Load() {
					http.Error(w, "not you", http.StatusUnauthorized)
					return
				}
				next(w, r)
			})
			dir := start(t)
			rec := hurry(t, p, dir)
			if up, _ := rec.Count(Upgraded); rec.State != Stopped || up != 6 || !strings.Contains(rec.Why, "tenant-1") || !strings.Contains(rec.Why, "may work in that tenant") {
				t.Errorf("%s, %d upgraded: %s", rec.State, up, rec.Why)
			}
			open.Store(true)
			wantUpgraded(t, hurry(t, p, dir), 9, 9)
			wantAskedOnce(t, p)
		})
	}
}

// TestTenantLost: a tenant that is not in the list any more and does not let us in need not be gone; one that the product does not know is.
func TestTenantLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		find   bool
		gone   bool
	}{
		"403": {403, true, false}, "401": {401, true, false}, "403, without a question": {403, false, false}, "404": {404, true, true}, "404, without a question": {404, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduct(t, 2, 6, 1)
			var lost atomic.Bool
			p.onAsk = func(n int) {
				if n == 1 {
					lost.Store(true)
				}
			}
			p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				switch {
				case lost.Load() && strings.HasSuffix(r.URL.Path, "/tenants"):
					page(w, r, []any{map[string]any{"name": "tenant-0"}})
				case lost.Load() && r.Header.Get("Tenant") == "tenant-1":
					http.Error(w, "not yours", c.status)
				default:
					next(w, r)
				}
			})
			run := func(dir string) Record {
				r := hastyRunner(t, p, dir)
				if !c.find {
					r.api.Spec.Groups.Find = ""
				}
				rec, err := r.end(t.Context(), r.run(t.Context()))
				if err != nil {
					t.Fatal(err)
				}
				return rec
			}
			dir := start(t)
			for n := range 3 { // the first run, and who resumes it
				rec := run(dir)
				if up, _ := rec.Count(Upgraded); up != 3 {
					t.Errorf("run %d: %s, %d upgraded: %s", n, rec.State, up, rec.Why)
				}
				switch {
				case c.gone && n > 0:
					wantUpgraded(t, rec, 3, 3)
				case !c.gone && (rec.State != Stopped || len(rec.Groups) != 6 || !strings.Contains(rec.Why, "tenant-1") || !strings.Contains(rec.Why, "may work in that tenant") || !strings.Contains(rec.Why, "remove "+dir)):
					t.Errorf("run %d: %s, %d groups: %s", n, rec.State, len(rec.Groups), rec.Why)
				}
			}
			if !c.gone { // the admin's word that it was deleted
				wantUpgraded(t, run(start(t)), 3, 3)
			}
			lost.Store(false)
			wantUpgraded(t, run(dir), 6, 6)
			wantAskedOnce(t, p)
		})
	}
}

// TestShownInPart: in a tenant of which the product does not show all, nobody is asked; the others are upgraded.
func TestShownInPart(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 2, 12, 4) // 30 items each
	var all atomic.Bool
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if strings.HasSuffix(r.URL.Path, "/instances") && r.Header.Get("Tenant") == "tenant-1" && !all.Load() {
			answer := httptest.NewRecorder()
			next(answer, r)
			_, _ = w.Write(bytes.Replace(answer.Body.Bytes(), []byte(`"total":30`), []byte(`"total":31`), 1))
			return
		}
		next(w, r)
	})
	dir := start(t)
	rec := hurry(t, p, dir)
	if up, _ := rec.Count(Upgraded); rec.State != Stopped || up != 6 || len(p.works) != 6 || !strings.Contains(rec.Why, "tenant-1: ") ||
		!strings.Contains(rec.Why, "says that there are 31 and shows 30") {
		t.Errorf("%s, %d upgraded: %s", rec.State, up, rec.Why)
	}
	all.Store(true)
	wantUpgraded(t, hurry(t, p, dir), 12, 48)
}

// TestLetIn: who is not let in any more while works are followed has them followed when he is.
func TestLetIn(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 2, 12, 2)
	var looks atomic.Int64
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if n := looks.Load(); strings.Contains(r.URL.Path, "/works/") && looks.Add(1) > 5 && n < 1000 || n > 5 && n < 1000 {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		next(w, r)
	})
	dir := start(t)
	rec := hurry(t, p, dir)
	if failed, _ := rec.Count(Failed); rec.State != Stopped || failed > 0 || !strings.Contains(rec.Why, "401") {
		t.Errorf("%s, %d failed: %s", rec.State, failed, rec.Why)
	}
	looks.Store(1000)
	wantUpgraded(t, hurry(t, p, dir), 12, 24)
	wantAskedOnce(t, p)
}

// TestLostWork: the product forgets works. Where the agents are upgraded all the same, nothing has failed.
func TestLostWork(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 8, 2)
	p.set(true, 6)
	lost := sync.Map{}
	p.onAsk = func(n int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		w := p.works[n-1]
		lost.Store(w.id, true)
		time.AfterFunc(time.Until(w.until)+10*time.Millisecond, func() { p.mu.Lock(); defer p.mu.Unlock(); w.status() })
	}
	p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if _, is := lost.Load(strings.TrimPrefix(r.URL.Path, "/v1/works/")); is {
			http.NotFound(w, r)
			return
		}
		next(w, r)
	})
	rec := hurry(t, p, start(t))
	if up, _ := rec.Count(Upgraded); rec.State != Stopped || up != 7 || !strings.Contains(rec.Why, "does not know work") || !strings.Contains(rec.Why, "2 of 2 agents") {
		t.Errorf("%s, %d upgraded: %s", rec.State, up, rec.Why)
	}
	wantAskedOnce(t, p)
}

// TestLostWorks: works that the list shows and nobody can look at, more of them each time, are not followed for ever.
func TestLostWorks(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]bool{"two": false, "always a new one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduct(t, 1, 1, 1)
			forever := func(id string) {
				p.works = append(p.works, &fakeWork{id: id, group: p.groups[0], until: time.Now().Add(time.Hour)})
			}
			forever("one")
			forever("two")
			p.before(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if strings.HasPrefix(r.URL.Path, "/v1/works/") {
					http.NotFound(w, r)
					return
				}
				if p.mu.Lock(); more && r.URL.Path == "/v1/works" && r.URL.Query().Get("_offset") == "0" {
					forever(fmt.Sprint("work ", len(p.works)))
				}
				p.mu.Unlock()
				next(w, r)
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			r := hastyRunner(t, p, start(t))
			r.api.Spec.Work.Within = manifest.Duration(5 * time.Second)
			if !more { // two minutes, not all the time that a work has
				r.api.Spec.Work.Within = manifest.Duration(time.Hour)
			}
			rec, err := r.end(ctx, r.run(ctx))
			if failed, _ := rec.Count(Failed); err != nil || rec.State != Stopped || failed != 1 {
				t.Errorf("%v, %s, %d failed: %s", err, rec.State, failed, rec.Why)
			}
		})
	}
}

// TestLateWork: after a kill a work shows only in a while; the group is not asked again.
func TestLateWork(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 1, 1)
	dir := start(t)
	if err := Write(dir, Record{State: Running, Began: now(), Groups: []Group{
		{Tenant: "tenant-0", Name: p.groups[0].name, Agents: 1, State: Asking, Began: now()},
	}}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.works = append(p.works, &fakeWork{id: "late", group: p.groups[0], until: time.Now().Add(50 * time.Millisecond)})
	})
	r := hastyRunner(t, p, dir)
	r.api.Patience.Lag = 2 * time.Second
	rec, err := r.end(t.Context(), r.run(t.Context()))
	if err != nil || rec.State != Done || len(p.works) != 1 || rec.Groups[0].Work != "late" {
		t.Errorf("%v, %s after %d works: %+v", err, rec.State, len(p.works), rec.Groups)
	}
}

// TestClockSetBack: a work that may be about to show is not waited for until the clock is where it was.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 1, 1)
	dir := start(t)
	if err := Write(dir, Record{State: Running, Began: now(), Groups: []Group{
		{Tenant: "tenant-0", Name: p.groups[0].name, Agents: 1, State: Asking, Began: now().Add(time.Hour)},
	}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	r := hastyRunner(t, p, dir)
	if rec, err := r.end(ctx, r.run(ctx)); err != nil || rec.State != Done || len(p.works) != 1 {
		t.Errorf("%v, %s after %d works: %s", err, rec.State, len(p.works), rec.Why)
	}
}

// TestFailedOncePerStart: a killed run that goes on does not ask again what failed; the next start does.
func TestFailedOncePerStart(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 12, 1)
	p.set(true, 2)
	dir := start(t)
	rec := hurry(t, p, dir)
	if n := p.asked()["tenant-0 g 02\""]; rec.State != Stopped || n != 1 {
		t.Fatalf("%s, asked %d times: %s", rec.State, n, rec.Why)
	}
	rec.State = Running // as it is when the run was killed
	if err := Write(dir, rec); err != nil {
		t.Fatal(err)
	}
	if rec = hurry(t, p, dir); rec.State != Stopped || p.asked()["tenant-0 g 02\""] != 1 {
		t.Errorf("%s, asked %d times", rec.State, p.asked()["tenant-0 g 02\""])
	}
	rec.State, rec.Ordered = Running, true // the admin's resume
	if err := Write(dir, rec); err != nil {
		t.Fatal(err)
	}
	p.set(false, 2)
	wantUpgraded(t, hurry(t, p, dir), 12, 12)
	if p.asked()["tenant-0 g 02\""] != 2 {
		t.Errorf("asked %d times", p.asked()["tenant-0 g 02\""])
	}
}

// TestNumbers takes numbers for ids as the product writes them.
func TestNumbers(t *testing.T) {
	t.Parallel()
	p := newProduct(t, 1, 3, 1)
	p.number = true
	rec := hurry(t, p, start(t))
	wantUpgraded(t, rec, 3, 3)
	wantAskedOnce(t, p)
	if got := rec.Groups[0].Work; got != "1234567890123456789" {
		t.Errorf("work %s", got)
	}
}
