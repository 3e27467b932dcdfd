package service

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/internal/manifest"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	var shut atomic.Bool
	refused := make(chan struct{}, 1)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if shut.Load() {
			select {
			case refused <- struct{}{}:
			default:
			}
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"version": "4.1.1"}`))
	}))
	defer door.Close()
	// The version is asked when the unit is started; the probe must not mind it.
	health := &manifest.Health{HTTP: door.URL, Expect: manifest.Expect{Status: 200, JSON: map[string]string{"version": "4.2.0"}}}
	s := &Services{units: []manifest.Service{{Unit: "rest", Health: &manifest.Health{HTTP: "http://127.0.0.1:1"}}, {Unit: "nginx", Door: true, Health: health}}}

	began := time.Now()
	p := s.Probe(t.Context())
	defer p.Stop()
	before := p.Await(t.Context(), time.Minute)
	if before.Before(began) {
		t.Fatalf("the open door is not seen: %v", before)
	}
	shut.Store(true)
	<-refused // it asks one thing at a time: an answer that was on its way has arrived
	shutAt := time.Now()
	last, _ := p.Mark()
	if last.Before(before) || last.After(shutAt) {
		t.Errorf("last answer at %v; the door was shut by %v", last, shutAt)
	}
	if first := p.Await(t.Context(), 4*probeEvery); !first.IsZero() {
		t.Errorf("an answer at %v, while the door is shut", first)
	}
	if _, since := p.Mark(); since != 0 {
		t.Errorf("%d answers while the door was shut", since)
	}
	opened := time.Now()
	shut.Store(false)
	if first := p.Await(t.Context(), time.Minute); first.Before(opened) {
		t.Errorf("first answer at %v, opened at %v", first, opened)
	}
}

func TestProbeWithoutQuestion(t *testing.T) {
	t.Parallel()
	p := (&Services{units: []manifest.Service{{Unit: "nginx", Door: true}}}).Probe(t.Context())
	defer p.Stop()
	if last, since := p.Mark(); !last.IsZero() || since != 0 || !p.Await(t.Context(), time.Minute).IsZero() {
		t.Error("a door without a question answers")
	}
}
