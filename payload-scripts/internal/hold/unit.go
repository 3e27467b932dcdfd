package hold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/capture"
	"onerpm/payload-scripts/internal/relay"
)

// LongestWait is how long a client is kept waiting: most give an answer no longer.
const LongestWait = 2 * time.Minute

// Limits of a relay. A connection that was held may be a long upload.
var limits = relay.Limits{Connections: 20000, Wait: LongestWait, Life: time.Hour}

// unitText is the relay's unit. It lies in memory, and is removed when the relay has ended well; not by the relay, which may
// be killed after it, and not by the engine, which `clean` may have removed meanwhile. One that was killed is started again at
// once: the kernel drops the packets of new clients meanwhile, which they repeat. CollectMode: systemd forgets one that failed,
// too (systemd.unit(5)).
const unitText = `# Written by the upgrade of %[1]s for the time of its window; in memory, gone at a reboot.
[Unit]
Description=Clients of %[1]s wait while it is upgraded
DefaultDependencies=no
CollectMode=inactive-or-failed

[Service]
Type=simple
ExecStart=%[2]s relay --port %[3]d --ports %[5]s
ExecStopPost=-%[2]s relay --ended
ExecStopPost=-/bin/sh -c '[ "$$SERVICE_RESULT" != success ] || rm -f %[6]s'
Restart=on-failure
RestartSec=100ms
StartLimitInterval=1min
StartLimitBurst=100
LimitNOFILE=%[4]d
OOMScoreAdjust=-900
UMask=0077
`

func (h Hold) unit(port uint16) string {
	var ports []string
	for _, p := range h.Ports {
		ports = append(ports, fmt.Sprint(p))
	}
	return fmt.Sprintf(unitText, h.Places.Prefix, h.Engine, port, 2*limits.Connections+1000, strings.Join(ports, ","),
		strings.Join(h.files(), " "))
}

// Serve is the relay's process. It ends when the release has come and its last client has gone.
func (h Hold) Serve(ctx context.Context, port uint16) error {
	c := h.capture(port)
	if err := c.Route(); err != nil {
		return err
	}
	r, err := relay.Listen(port, h.Ports, limits, capture.Mark)
	if err != nil {
		return err
	}
	r.Answer = h.Answer
	if h.released() {
		r.Release()
	}
	l, err := listenPrivately(h.Places.HoldSocket())
	if err != nil {
		return fmt.Errorf("listen for the engine: %w", err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		answer(l, r, port, h.Ports)
	}()
	err = r.Serve(ctx)
	if err == nil && !r.Status().Released {
		err = errors.New("told to end while clients wait") // systemd starts it again, unless it is its own word
	}
	_ = l.Close() // and with it its file goes
	<-answered
	return errors.Join(err, c.Unroute())
}

// released reports whether clients were let on before this relay was started. A relay without a unit is one that was
// killed while its end removed the unit.
func (h Hold) released() bool {
	if _, err := os.Stat(h.Places.HoldReleased()); err == nil {
		return true
	}
	_, err := os.Stat(h.Places.HoldUnitFile())
	return errors.Is(err, os.ErrNotExist)
}

// Ended takes away what a relay that was killed has left in the kernel; the rules that hold clients are the
// engine's, and stay.
func (h Hold) Ended() error { return h.capture(0).Unroute() }

func (h Hold) files() []string {
	return []string{h.Places.HoldUnitFile(), h.Places.HoldReleased(), h.Places.HoldSocket()}
}

func (h Hold) removeFiles() error {
	var failed error
	for _, path := range h.files() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
