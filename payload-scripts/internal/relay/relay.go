// Package relay takes a host's new connections while nothing serves behind its ports, keeps them waiting, and passes
// their bytes on to the release that serves in the end. It reads nothing of a connection before that: what a client has
// sent by then waits in the kernel, which lets it send no more than the receive window. TLS passes through; no key is needed.
//
// It takes connections that the kernel hands over on their way in (see package capture), so a connection's local address
// is the one that the client has asked for. Passed on, a connection has the client's own address: a server that lets
// loopback do more than others, or counts its clients by their addresses, sees no difference.
package relay

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Limits bound what a relay takes.
type Limits struct {
	Connections int           // taken at once; more wait in the kernel, whose queue is bounded, or try again
	Wait        time.Duration // how long a client waits for the release, at most
	Life        time.Duration // how long a connection is passed on after the release, at most
}

// Status is how a relay stands. Numbers are since its start.
type Status struct {
	Released bool          `json:"released"`
	Waiting  int           `json:"waiting"` // now
	Passing  int           `json:"passing"` // now
	Taken    int           `json:"taken"`   // all connections
	Left     int           `json:"left"`    // clients that went while they waited
	TimedOut int           `json:"timedOut"`
	Failed   int           `json:"failed"`   // nobody took them after the release
	Answered int           `json:"answered"` // were told to come back
	Cut      int           `json:"cut"`      // still passing at the end of their life
	Longest  time.Duration `json:"longest"`  // longest wait, in nanoseconds
}

// Relay is one that listens.
type Relay struct {
	Answer []uint16 // ports whose clients are told to come back; to be set before Serve

	ports     []uint16
	limits    Limits
	listeners []*net.TCPListener
	dial      func(ctx context.Context, client *net.TCPConn) (*net.TCPConn, error)

	room  chan struct{} // one for each connection that is taken
	turns chan struct{} // one for each client that is passed on and has no answer yet

	mu       sync.Mutex
	released chan struct{} // closed by the release; another one after Hold
	waiting  map[*held]struct{}
	passing  map[*pair]struct{}
	status   Status
	ending   bool // its work is done
	live     sync.WaitGroup
}

// held is a client that waits.
type held struct {
	conn  *net.TCPConn
	since time.Time
}

const (
	// queues is how many listeners share a port. The kernel bounds the handshakes of each that are under way (somaxconn: 128 before
	// Linux 5.4), and those beyond by cookies, whose last packets would be looked for at the door and be reset.
	queues = 32
	// atOnce is how many clients ask the server at the same moment when many have waited: servers have room for some hundreds
	// (nginx: 512 connections of a worker, its own to what is behind it among them) and break off those beyond.
	atOnce = 128
	// turn is how long one that has no answer is counted among these: a server may be slow to answer, and one request of many
	// may take minutes.
	turn      = time.Second
	lookEvery = 100 * time.Millisecond // how often limits are looked at
	// lateClients is how long connections are taken after the release: one whose first packet came before it may
	// need as long for its third.
	lateClients = 3 * time.Second
)

// Listen opens a relay's listeners on this port of loopback, of IPv6 too where the host has it. Connections to other ports
// than those given are not passed on.
//
// mark is called for each socket that is to connect to what listens on those ports.
func Listen(port uint16, ports []uint16, limits Limits, mark func(fd int)) (*Relay, error) {
	r := &Relay{
		ports: ports, limits: limits, dial: dialer(mark),
		released: make(chan struct{}), room: make(chan struct{}, limits.Connections), turns: make(chan struct{}, atOnce),
		waiting: map[*held]struct{}{}, passing: map[*pair]struct{}{},
	}
	for i := range 2 * queues {
		address := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}[i%2]
		l, err := listen(address, port)
		if err != nil && address.To4() == nil && noIPv6(err) {
			continue
		}
		if err != nil {
			r.close()
			return nil, err
		}
		r.listeners = append(r.listeners, l)
	}
	return r, nil
}

func (r *Relay) close() {
	for _, l := range r.listeners {
		_ = l.Close()
	}
}

// Serve takes connections until the context ends, or until the release when the last one has ended.
func (r *Relay) Serve(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	var listening sync.WaitGroup
	failed := make(chan error, len(r.listeners))
	for _, l := range r.listeners {
		listening.Go(func() { failed <- r.accept(ctx, l) })
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.watch(ctx)
	}()
	var err error
	select {
	case <-ended: // nothing is left
	case <-ctx.Done():
	case err = <-failed:
	}
	end()
	r.close()
	r.dropAll()
	listening.Wait()
	r.live.Wait()
	<-ended
	return err
}

// Hold keeps those waiting that come from now on, after a release. What is passed on goes on. It reports whether it does: one
// whose work is done ends.
func (r *Relay) Hold() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending {
		return false
	}
	if r.status.Released {
		r.status.Released = false
		r.released = make(chan struct{})
	}
	return true
}

// Release passes on what waits, and what comes from now on at once.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.status.Released {
		r.status.Released = true
		close(r.released)
	}
}

// Status tells how it stands.
func (r *Relay) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Waiting, s.Passing = len(r.waiting), len(r.passing)
	for h := range r.waiting {
		s.Longest = max(s.Longest, time.Since(h.since))
	}
	return s
}

func (r *Relay) accept(ctx context.Context, l *net.TCPListener) error {
	for {
		conn, err := l.AcceptTCP()
		switch {
		case err == nil:
		case errors.Is(err, net.ErrClosed) || ctx.Err() != nil:
			return nil
		case temporary(err): // no file descriptors left, or a client that went at once
			time.Sleep(lookEvery)
			continue
		default:
			return err
		}
		select {
		case r.room <- struct{}{}:
			r.take(ctx, conn)
		case <-ctx.Done():
			reset(conn)
			return nil
		}
	}
}

// take keeps a client, or passes it on when the release was before.
func (r *Relay) take(ctx context.Context, conn *net.TCPConn) {
	if local, ok := conn.LocalAddr().(*net.TCPAddr); !ok || !slices.Contains(r.ports, uint16(local.Port)) { // somebody on this host who asked the relay itself
		<-r.room
		reset(conn)
		return
	}
	h := &held{conn, time.Now()}
	r.mu.Lock()
	r.status.Taken++
	r.waiting[h] = struct{}{}
	released := r.released
	answer := !r.status.Released && slices.Contains(r.Answer, uint16(conn.LocalAddr().(*net.TCPAddr).Port))
	r.mu.Unlock()
	r.live.Go(func() {
		defer func() { <-r.room }()
		if answer {
			tellToComeBack(ctx, h.conn)
			r.endWait(h, &r.status.Answered)
			return
		}
		r.keep(ctx, h, released)
	})
}

// keep waits with a client, and passes it on.
func (r *Relay) keep(ctx context.Context, h *held, released <-chan struct{}) {
	limit := time.NewTimer(r.limits.Wait)
	defer limit.Stop()
	var count *int
	select {
	case <-released:
	case <-limit.C:
		count = &r.status.TimedOut
	case <-ctx.Done():
		count = &r.status.Cut
	}
	if count == nil {
		select {
		case r.turns <- struct{}{}:
			if gone(h.conn) { // it is not asked for twice: a request that nobody waits for any more is not made
				<-r.turns
				count = &r.status.Left
			}
		case <-limit.C:
			count = &r.status.TimedOut
		case <-ctx.Done():
			count = &r.status.Cut
		}
	}
	if count != nil {
		r.endWait(h, count)
		reset(h.conn)
		return
	}
	over := sync.OnceFunc(func() { <-r.turns })
	defer time.AfterFunc(turn, over).Stop()
	defer over()
	server, err := r.dial(ctx, h.conn)
	if err != nil {
		r.endWait(h, &r.status.Failed)
		reset(h.conn)
		return
	}
	p := &pair{h.conn, server}
	r.mu.Lock()
	r.passing[p] = struct{}{}
	r.mu.Unlock()
	r.endWait(h, nil)
	if ctx.Err() != nil { // the others were dropped before this one was there
		p.drop()
	}
	if !asks(h.conn) {
		over()
	}
	p.pass(over)
	r.mu.Lock()
	delete(r.passing, p)
	r.mu.Unlock()
}

// endWait notes that a client does not wait any more; count is what became of it, nil for one that is passed on.
func (r *Relay) endWait(h *held, count *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, h)
	r.status.Longest = max(r.status.Longest, time.Since(h.since))
	if count != nil {
		*count++
	}
}

// watch returns when nothing is left to do after the release, or what is passed on has lived too long.
func (r *Relay) watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var since time.Time // of the release
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch {
		case !r.Status().Released:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case r.done(time.Since(since)):
			return
		}
	}
}

// done reports whether nothing is left to do so long after the release, and sees that nothing more is asked of it then.
func (r *Relay) done(age time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	idle := len(r.waiting)+len(r.passing) == 0
	r.ending = r.status.Released && (age >= r.limits.Life || age >= lateClients && idle)
	return r.ending
}

// dropAll ends what is passing.
func (r *Relay) dropAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.passing {
		r.status.Cut++
		p.drop()
	}
}
