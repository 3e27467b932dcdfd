package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/test/host"
)

// watchScript tells the time and how much memory the engine's process has had at most (VmHWM), again and again.
const watchScript = `while :; do
	pid=$(systemctl show -P MainPID cloudify-upgrade 2>/dev/null)
	while [ "${pid:-0}" -gt 0 ] && [ -r /proc/$pid/status ]; do
		while read -r key value _; do [ "$key" != VmHWM: ] || echo "$EPOCHREALTIME $value"; done </proc/$pid/status
		sleep 0.2
	done
	sleep 0.2
done 2>/dev/null`

type watch struct {
	lines string
	err   error
}

// watchEngine watches until ctx ends.
func watchEngine(ctx context.Context, m *host.Machine) watch {
	var out bytes.Buffer
	_, err := m.Exec(ctx, host.Cmd{Args: []string{"bash", "-c", watchScript}, Stdout: &out})
	if ctx.Err() != nil {
		err = nil
	}
	return watch{out.String(), err}
}

// peaks are how much memory the engine had at most, in bytes.
type peaks struct{ first, all int64 }

// peaks reads what was seen; first is until the end of the first pass.
func (w watch) peaks(first time.Time) (p peaks) {
	for line := range strings.Lines(w.lines) {
		var at float64
		var kib int64
		if _, err := fmt.Sscan(line, &at, &kib); err != nil {
			continue // the last line may be cut
		}
		p.all = max(p.all, kib<<10)
		if at <= float64(first.UnixMilli())/1000 {
			p.first = max(p.first, kib<<10)
		}
	}
	return p
}
