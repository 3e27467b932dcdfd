package hold

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBurst is many clients at once, from afar, on a machine with short queues.
func TestBurst(t *testing.T) {
	if !inside(t) {
		return
	}
	must(t, os.WriteFile("/proc/sys/net/core/somaxconn", []byte("128"), 0))
	h, _ := world(t)
	must(t, h.Begin(t.Context()))
	var conns []net.Conn
	var mu sync.Mutex
	var all sync.WaitGroup
	var bad atomic.Int64
	outside(t, func() {
		// far away: the third packets come late
		sh(t, fmt.Sprintf("ip netns exec %s iptables -A OUTPUT -p tcp --dport %d --tcp-flags SYN,ACK ACK -j DROP", os.Getenv("HOLD_INSIDE"), port))
	})
	for range 600 {
		all.Go(func() {
			conn, err := dial(t, fmt.Sprintf("%s:%d", hostAddr, port), 15*time.Second)
			if err != nil {
				bad.Add(1)
				t.Log(err)
				return
			}
			fmt.Fprintln(conn, "x")
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		})
	}
	time.Sleep(500 * time.Millisecond)
	sh(t, fmt.Sprintf("ip netns exec %s iptables -F OUTPUT", os.Getenv("HOLD_INSIDE")))
	all.Wait()
	time.Sleep(4 * time.Second)
	reset := 0
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			reset++
		}
	}
	st, err := h.Status()
	t.Logf("%+v %v", st, err)
	if reset > 0 || bad.Load() > 0 {
		t.Errorf("%d not connected, %d of %d reset", bad.Load(), reset, len(conns))
	}
}

// TestServerOfLoopback: what listens on loopback alone is another server, which clients from outside never reach.
func TestServerOfLoopback(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	must(t, h.Begin(t.Context()))
	conn := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(conn, "x")
	server(t, "private", fmt.Sprintf("127.0.0.1:%d", port))
	server(t, "new", fmt.Sprintf("%s:%d", hostAddr, port))
	_, err := h.Release(t.Context())
	must(t, err)
	if got := hear(t, conn); got[:3] != "new" {
		t.Errorf("got %q", got)
	}
}

// TestNextUpgrade begins while the relay of the one before still passes clients on, which ends before its door is shut.
func TestNextUpgrade(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	must(t, h.Begin(t.Context()))
	server(t, "new", fmt.Sprintf("0.0.0.0:%d", port))
	conn := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(conn, "x")
	_, err := h.Release(t.Context())
	must(t, err)
	hear(t, conn)
	must(t, h.Prepare(t.Context())) // of the next
	_ = conn.Close()
	s.wait(20 * time.Second)
	must(t, h.Begin(t.Context()))
}

// TestShutPorts: nobody listened on a port before, and the door that is tried does.
func TestShutPorts(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	h.Shut = []uint16{4439}
	must(t, h.Begin(t.Context()))
	server(t, "tried", "0.0.0.0:4439")
	conn, err := dial(t, hostAddr+":4439", time.Second)
	if err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		fmt.Fprintln(conn, "x")
		if n, err := conn.Read(make([]byte, 9)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("let in: %d, %v", n, err)
		}
	}
}

// TestCounted: clients that are held are no connections of the door.
func TestCounted(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	must(t, h.Begin(t.Context()))
	for range 5 {
		mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	}
	n, err := h.Cut()
	must(t, err)
	if n != 0 {
		t.Errorf("%d connections, all of them held", n)
	}
}

// TestRedirect: a client whom the host leads to a held port from another one does not reach the door that is tried.
func TestRedirect(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	sh(t, fmt.Sprintf("iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-port %d", port))
	must(t, h.Begin(t.Context()))
	server(t, "tried", fmt.Sprintf("0.0.0.0:%d", port))
	conn, err := dial(t, hostAddr+":80", 700*time.Millisecond)
	if err == nil {
		t.Errorf("let in before the release: %q", ask(t, conn, "x"))
	} else {
		t.Log(err)
	}
}
