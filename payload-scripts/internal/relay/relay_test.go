package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onerpm/test/need"
)

// direct is a relay whose clients ask it itself: the kernel hands none over here. Its server is behind.
func direct(t *testing.T, l Limits, behind string, set ...func(*Relay)) (r *Relay, address string, ended <-chan error) {
	t.Helper()
	need.Root(t)
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(free.Addr().(*net.TCPAddr).Port)
	_ = free.Close()
	r, err = Listen(port, []uint16{port}, l, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	r.dial = func(ctx context.Context, _ *net.TCPConn) (*net.TCPConn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", behind)
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), nil
	}
	for _, f := range set {
		f(r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	also := make(chan error, 1)
	go func() {
		err := <-done
		also <- err
		done <- err
	}()
	return r, fmt.Sprintf("127.0.0.1:%d", port), also
}

// echo answers with what it is sent.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// await waits until the relay's status is as it should be.
func await(t *testing.T, r *Relay, what string, is func(Status) bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !is(r.Status()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: %+v", what, r.Status())
		}
	}
}

var roomy = Limits{Connections: 1000, Wait: time.Minute, Life: time.Minute}

func TestWaitHasALimit(t *testing.T) {
	t.Parallel()
	r, address, _ := direct(t, Limits{Connections: 10, Wait: 50 * time.Millisecond, Life: time.Minute}, echo(t))
	conn := connect(t, address)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a client after the longest wait: %v", err)
	}
	await(t, r, "turned away", func(s Status) bool { return s.TimedOut == 1 && s.Waiting == 0 && s.Longest >= 50*time.Millisecond })
}

// TestMoreThanThereIsRoomFor wait in the kernel, and have their turn.
func TestMoreThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	r, address, _ := direct(t, Limits{Connections: 3, Wait: time.Minute, Life: time.Minute}, echo(t))
	var answered sync.WaitGroup
	for i := range 10 {
		conn := connect(t, address)
		answered.Go(func() {
			text := fmt.Sprintf("client %d", i)
			_, _ = io.WriteString(conn, text)
			got := make([]byte, len(text))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", text, got, err)
			}
			_ = conn.Close()
		})
	}
	await(t, r, "the first three", func(s Status) bool { return s.Waiting == 3 })
	time.Sleep(50 * time.Millisecond)
	if s := r.Status(); s.Taken != 3 {
		t.Errorf("taken: %+v", s)
	}
	r.Release()
	answered.Wait()
	if s := r.Status(); s.Taken != 10 {
		t.Errorf("taken: %+v", s)
	}
}

func TestNobodyBehind(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	r, address, ended := direct(t, roomy, nobody)
	conn := connect(t, address)
	r.Release()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a client nobody takes: %v", err)
	}
	if s := r.Status(); s.Failed != 1 {
		t.Errorf("%+v", s)
	}
	if err := <-ended; err != nil {
		t.Errorf("its end: %v", err)
	}
}

func TestLifeHasALimit(t *testing.T) {
	t.Parallel()
	r, address, ended := direct(t, Limits{Connections: 10, Wait: time.Minute, Life: 300 * time.Millisecond}, echo(t))
	conn := connect(t, address)
	r.Release()
	_, _ = io.WriteString(conn, "x")
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Errorf("while it lives: %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after its life: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("its end: %v", err)
	}
	if s := r.Status(); s.Cut != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAPortThatIsNotHeld: whoever asks the relay itself is passed on to nothing.
func TestAPortThatIsNotHeld(t *testing.T) {
	t.Parallel()
	r, address, _ := direct(t, roomy, echo(t), func(r *Relay) { r.ports = []uint16{1} })
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
	if s := r.Status(); s.Taken != 0 {
		t.Errorf("%+v", s)
	}
}

// TestOddClients: many who wait, one who sends without end, one who never reads. Memory stays what the kernel's buffers
// and one small state for each are.
func TestOddClients(t *testing.T) {
	need.Time(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go func() { // more than any buffer takes, to somebody who reads none of it
				_, _ = io.CopyN(conn, endless{}, 16<<20)
				_ = conn.Close()
			}()
		}
	}()
	const many = 300
	r, address, _ := direct(t, Limits{Connections: many + 10, Wait: time.Minute, Life: time.Minute}, server.Addr().String())
	before := resident(t)
	sender := connect(t, address)
	_ = sender.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := io.Copy(sender, endless{}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("somebody who sends without end: %d bytes, %v", n, err)
	}
	for range many {
		connect(t, address)
	}
	await(t, r, "all wait", func(s Status) bool { return s.Waiting == many+1 })
	if more := resident(t) - before; more > 64<<20 {
		t.Errorf("%d MiB more for %d clients", more>>20, many)
	}
	r.Release()
	await(t, r, "all pass", func(s Status) bool { return s.Passing == many+1 })
	time.Sleep(500 * time.Millisecond)
	if more := resident(t) - before; more > 256<<20 {
		t.Errorf("%d MiB more for %d clients that never read", more>>20, many)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// resident is this process's resident memory, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(strings.TrimSpace(string(data)), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestComeBack: clients of such a port are told so, whatever their request, until the release.
func TestComeBack(t *testing.T) {
	t.Parallel()
	r, address, _ := direct(t, roomy, echo(t), func(r *Relay) { r.Answer = r.ports })
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf a body"} {
		conn := connect(t, address)
		_, _ = io.WriteString(conn, request)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") || !strings.Contains(string(answer), "Retry-After: 5\r\n") {
			t.Errorf("%.20q: %v, %s", request, err, answer)
		}
	}
	conn := connect(t, address)
	_, _ = io.WriteString(conn, "\x16\x03\x01 no HTTP\r\n\r\n")
	if answer, _ := io.ReadAll(conn); len(answer) > 0 {
		t.Errorf("no HTTP: %s", answer)
	}
	r.Release()
	conn = connect(t, address)
	_, _ = io.WriteString(conn, "ping")
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Errorf("after the release: %q, %v", got, err)
	}
	await(t, r, "answered", func(s Status) bool { return s.Answered == 3 && s.Waiting == 0 })
}

// TestHoldAgain: one that still serves takes clients again, one whose work is done says that it does not.
func TestHoldAgain(t *testing.T) {
	t.Parallel()
	r, _, _ := direct(t, roomy, echo(t))
	r.Release()
	if r.done(lateClients - time.Millisecond) {
		t.Error("it ends while late clients may come")
	}
	if !r.Hold() || r.done(lateClients) {
		t.Error("one that holds ends")
	}
	r.Release()
	if !r.done(lateClients) || r.Hold() {
		t.Error("one that ends holds")
	}
}

// TestTurns: a server is not asked by more clients at once than it can be thought to have room for; those who are answered, ask
// nothing or wait long for their answer keep nobody from it.
func TestTurns(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answer := make(chan struct{})
	var open, most atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					return
				}
				n := open.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				<-answer
				open.Add(-1)
				_, _ = conn.Write([]byte("y"))
			}()
		}
	}()
	r, address, _ := direct(t, roomy, l.Addr().String())
	for range 2 * atOnce {
		connect(t, address) // and says nothing
	}
	const asking = 3 * atOnce
	var all []net.Conn
	for range asking {
		conn := connect(t, address)
		_, _ = io.WriteString(conn, "x")
		all = append(all, conn)
	}
	await(t, r, "all are there", func(s Status) bool { return s.Waiting == 2*atOnce+asking })
	began := time.Now()
	r.Release()
	await(t, r, "the first have their turn", func(s Status) bool { return s.Passing >= atOnce })
	time.Sleep(turn / 4)
	if n := most.Load(); n > atOnce || time.Since(began) > turn {
		t.Errorf("%d asked at once within %s, want %d at most", n, time.Since(began), atOnce)
	}
	time.AfterFunc(turn, func() { close(answer) })
	for _, conn := range all {
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := most.Load(); n <= atOnce {
		t.Errorf("those who wait for their answer keep the others from theirs: %d asked at once", n)
	}
}

// TestGoneBeforeItsTurn: who leaves while others have their turn is not asked for.
func TestGoneBeforeItsTurn(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	r, address, _ := direct(t, roomy, "", func(r *Relay) {
		r.dial = func(context.Context, *net.TCPConn) (*net.TCPConn, error) {
			asked.Add(1)
			return nil, errors.New("nobody is to be asked")
		}
	})
	conn := connect(t, address)
	_, _ = io.WriteString(conn, "x")
	await(t, r, "it waits", func(s Status) bool { return s.Waiting == 1 })
	for range atOnce {
		r.turns <- struct{}{}
	}
	r.Release()
	time.Sleep(50 * time.Millisecond) // for the relay to come to wait for a turn; if it has not, the test is passed all the same
	_ = conn.Close()
	time.Sleep(50 * time.Millisecond) // for the kernel to know it
	for range atOnce {
		<-r.turns
	}
	await(t, r, "it is known to have gone", func(s Status) bool { return s.Left == 1 })
	if n := asked.Load(); n != 0 || len(r.turns) != 0 {
		t.Errorf("asked %d times, %d turns are taken", n, len(r.turns))
	}
}
