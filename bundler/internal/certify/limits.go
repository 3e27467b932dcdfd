package certify

import (
	"time"

	"onerpm/internal/manifest"
)

// Limits bound what users may notice. A scenario in which one is passed has failed.
type Limits struct {
	Window time.Duration // without service, in an upgrade
	Back   time.Duration // without service, in an upgrade that goes back; Window when 0
	Gap    time.Duration // between two good answers, in the scenario load; Window when 0
}

// limits are those of the manifest, and what the spec says besides.
func (o Options) limits() Limits {
	l := o.Limits
	l.Window = o.Manifest.Limits.Window.D()
	if l.Back == 0 {
		l.Back = l.Window
	}
	if l.Gap == 0 {
		l.Gap = l.Window
	}
	return l
}

// upgrade judges an upgrade that has ended.
func (l Limits) upgrade(r report, back bool) faults {
	var f faults
	limit, what := l.Window, "the window"
	if back {
		limit, what = l.Back, "the way back"
	}
	if took := r.Window.D(); took > limit {
		f.add("%s took too long: the product was out of service for %s, the limit is %s", what, took.Round(time.Millisecond), manifest.Duration(limit).D())
	}
	return f
}

// load judges what clients saw.
func (l Limits) load(saw *Load) faults {
	var f faults
	if saw != nil && saw.Gap > l.Gap.Seconds() {
		f.add("clients were without an answer for %.1f s, the limit is %s", saw.Gap, l.Gap)
	}
	return f
}
