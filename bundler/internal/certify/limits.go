package certify

import (
	"time"
)

// Limits bound what users may notice. A scenario in which one is passed, or not kept by more than a time varies, has failed.
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

// varies is by how much the time of the same upgrade is another from run to run on a quiet machine (docs/benchmarks.md: "shortest to
// longest"): one that is nearer to its limit has kept it by luck.
const varies = 500 * time.Millisecond

// over says what a time is too long for, "" when it is not too long.
func over(took, limit time.Duration) string {
	switch {
	case took > limit:
		return "the limit is " + limit.String()
	case took+varies > limit:
		return "the limit is " + limit.String() + ", and from run to run it varies by " + varies.String()
	}
	return ""
}

// upgrade judges an upgrade that has ended.
func (l Limits) upgrade(r report, back bool) faults {
	var f faults
	limit, what := l.Window, "the window"
	if back {
		limit, what = l.Back, "the way back"
	}
	took := r.Window.D()
	if why := over(took, limit); why != "" {
		f.add("%s took too long: the product was out of service for %s, %s", what, took.Round(time.Millisecond), why)
	}
	return f
}

// load judges what clients saw.
func (l Limits) load(saw *Load) faults {
	var f faults
	if saw == nil {
		return nil
	}
	if why := over(time.Duration(saw.Gap*float64(time.Second)), l.Gap); why != "" {
		f.add("clients were without an answer for %.1f s, %s", saw.Gap, why)
	}
	return f
}
