package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how far a step has come: on a terminal as a bar, otherwise as a
// line when it is done. It may be used by many at once.
type progress struct {
	out  io.Writer
	name string
	all  *mpb.Progress // nil without a terminal
	bar  *mpb.Bar
	mu   sync.Mutex
	done int64 // bytes
	once sync.Once
}

// newProgress starts to show a step that takes total bytes; without a terminal only lines are written.
func newProgress(s *streams, name string, total int64) *progress {
	p := &progress{out: s.err, name: name}
	if !isTerminal(s.err) {
		return p
	}
	p.all = mpb.New(mpb.WithOutput(s.err), mpb.WithWidth(64), mpb.WithRefreshRate(100*time.Millisecond))
	p.bar = p.all.New(total, mpb.BarStyle().Rbound("]").Lbound("["),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-8s", name))),
		mpb.AppendDecorators(decor.Counters(decor.SizeB1024(0), "% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f")),
	)
	return p
}

// add says that n more bytes are done.
func (p *progress) add(n int64) {
	if p.bar != nil {
		p.bar.IncrInt64(n)
		return
	}
	p.mu.Lock()
	p.done += n
	p.mu.Unlock()
}

// note shows a line above the bar.
func (p *progress) note(format string, args ...any) {
	line := p.name + ": " + fmt.Sprintf(format, args...)
	if p.all != nil {
		_, _ = fmt.Fprintln(p.all, line) // nothing can be done about an error here
		return
	}
	_, _ = fmt.Fprintln(p.out, line)
}

// end takes the bar away; err is why the step ended, nil when it is done.
func (p *progress) end(err error) {
	p.once.Do(func() {
		switch {
		case p.bar != nil && err != nil:
			p.bar.Abort(true)
		case p.bar != nil:
			p.bar.SetTotal(-1, true)
		case err == nil:
			p.note("%s done", size(p.done))
		}
		if p.all != nil {
			p.all.Wait()
		}
	})
}

// size writes bytes for people.
func size(n int64) string {
	const kib = 1024
	switch {
	case n < kib:
		return fmt.Sprintf("%d bytes", n)
	case n < kib*kib:
		return fmt.Sprintf("%.1f KiB", float64(n)/kib)
	case n < kib*kib*kib:
		return fmt.Sprintf("%.1f MiB", float64(n)/(kib*kib))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(kib*kib*kib))
}
