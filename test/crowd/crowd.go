// Package crowd is the clients of a product behind a door: many, at a steady rate, each with a connection that it keeps, and
// none that tries a request again. What fails has failed, as it does for a program that nobody wrote a retry for.
package crowd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Options are what a crowd does.
type Options struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Address string                                                             // of the door, IP:PORT
	TLS     bool                                                               // the door's certificate is not verified: it is a machine's own
	Clients int                                                                // each with one connection
	Every   time.Duration                                                      // from one request of the crowd to the next
	Request func(n int) (method, path string, header http.Header, body []byte) // the n-th, from 0
	Limit   time.Duration                                                      // for one request; 0 is a minute
}

// Answer is how one request ended.
type Answer struct {
	N      int
	Sent   time.Time
	Took   time.Duration
	Kept   bool // it went over a connection that was there before
	Status int
	Body   []byte
	Err    error // no whole answer came
}

// Failed reports whether a client had no use of the answer: none came, or the server's error.
func (a Answer) Failed() bool { return a.Err != nil || a.Status >= 500 }

// Refused reports whether nobody listened.
func (a Answer) Refused() bool { return errors.Is(a.Err, syscall.ECONNREFUSED) }

func (a Answer) String() string {
	kind := "new connection"
	if a.Kept {
		kind = "kept connection"
	}
	return fmt.Sprintf("request %d, %s, after %s: status %d, %v", a.N, kind, a.Took.Round(time.Millisecond), a.Status, a.Err)
}

// Crowd is one at work.
type Crowd struct {
	o    Options
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	answers []Answer
	all     []*client
}

// Start begins. Every client is connected, and has had an answer, when it returns.
func Start(ctx context.Context, o Options) (*Crowd, error) {
	if o.Limit == 0 {
		o.Limit = time.Minute
	}
	ctx, stop := context.WithCancel(ctx)
	c := &Crowd{o: o, stop: stop}
	idle := make(chan *client, o.Clients)
	for range o.Clients {
		cl := &client{o: &c.o}
		c.all = append(c.all, cl)
		if a := cl.ask(ctx, http.MethodGet, "/", nil, nil); a.Err != nil {
			c.End()
			return nil, fmt.Errorf("connect the crowd: %w", a.Err)
		}
		idle <- cl
	}
	c.done.Go(func() {
		tick := time.NewTicker(o.Every)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case <-ctx.Done():
				return
			case cl := <-idle:
				c.done.Go(func() {
					method, path, header, body := o.Request(n)
					a := cl.ask(context.WithoutCancel(ctx), method, path, header, body)
					a.N = n
					c.mu.Lock()
					c.answers = append(c.answers, a)
					c.mu.Unlock()
					idle <- cl
				})
			}
		}
	})
	return c, nil
}

// Count is how many requests have ended.
func (c *Crowd) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers)
}

// End lets every request end, and tells how they did.
func (c *Crowd) End() []Answer {
	c.stop()
	c.done.Wait()
	for _, cl := range c.all {
		cl.close()
	}
	return c.answers
}

// client has at most one connection.
type client struct {
	o    *Options
	raw  net.Conn
	conn net.Conn // raw, or TLS over it
	in   *bufio.Reader
}

func (cl *client) close() {
	if cl.raw != nil {
		_ = cl.raw.Close()
		cl.raw = nil
	}
}

// ask sends one request, over the kept connection if the server has not ended it.
func (cl *client) ask(ctx context.Context, method, path string, header http.Header, body []byte) (a Answer) {
	ctx, cancel := context.WithTimeout(ctx, cl.o.Limit)
	defer cancel()
	a.Sent = time.Now()
	defer func() {
		a.Took = time.Since(a.Sent)
		if a.Err != nil {
			cl.close()
		}
	}()
	if cl.raw != nil && ended(cl.raw) {
		cl.close()
	}
	a.Kept = cl.raw != nil
	if cl.raw == nil {
		if a.Err = cl.connect(ctx); a.Err != nil {
			return a
		}
	}
	deadline, _ := ctx.Deadline()
	_ = cl.raw.SetDeadline(deadline)
	req, err := http.NewRequestWithContext(ctx, method, "http://"+cl.o.Address+path, bytes.NewReader(body))
	if err != nil {
		a.Err = err
		return a
	}
	for key, values := range header {
		req.Header[key] = values
	}
	if a.Err = req.Write(cl.conn); a.Err != nil {
		return a
	}
	resp, err := http.ReadResponse(cl.in, req)
	if err != nil {
		a.Err = err
		return a
	}
	defer resp.Body.Close() //nolint:errcheck // all of it was read
	a.Status = resp.StatusCode
	a.Body, a.Err = io.ReadAll(resp.Body)
	if resp.Close {
		cl.close()
	}
	return a
}

func (cl *client) connect(ctx context.Context) error {
	raw, err := cl.o.Dial(ctx, "tcp", cl.o.Address)
	if err != nil {
		return err
	}
	cl.raw, cl.conn = raw, raw
	if cl.o.TLS {
		secure := tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test machine's own certificate
		deadline, _ := ctx.Deadline()
		_ = raw.SetDeadline(deadline)
		if err := secure.HandshakeContext(ctx); err != nil {
			cl.close()
			return err
		}
		cl.conn = secure
	}
	cl.in = bufio.NewReader(cl.conn)
	return nil
}

// ended reports whether the server has closed a connection on which it owes no answer: whatever comes there says so.
func ended(conn net.Conn) bool {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return true
	}
	is := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		is = !errors.Is(err, syscall.EAGAIN)
	})
	return err != nil || is
}
