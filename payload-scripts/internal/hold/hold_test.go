package hold

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/internal/thread"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/test/need"
)

// The tests run in a network namespace that stands for the host, whose clients are in another.
const (
	hostNS, clientNS    = "onerpm-hold-host", "onerpm-hold-client"
	hostAddr, hostAddr6 = "10.200.7.1", "fd00:7::1"
	clientAddr          = "10.200.7.2"
	clientAddr6         = "fd00:7::2"
	port                = 4430
)

func TestMain(m *testing.M) {
	if root := os.Getenv("HOLD_RELAY"); root != "" {
		var to uint16
		fmt.Sscan(os.Getenv("HOLD_PORT"), &to)
		if err := newHold(root).Serve(context.Background(), to); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func newHold(root string) Hold {
	return Hold{Places: layout.Places{Prefix: "product-upgrade", Root: root}, Ports: []uint16{port, 4431}, Engine: "/opt/engine"}
}

// inside runs a test in the host's namespace, in a process of its own. It reports whether this is that process.
func inside(t *testing.T) bool {
	t.Helper()
	need.Root(t)
	if os.Getenv("HOLD_INSIDE") != "" {
		return true
	}
	suffix := fmt.Sprintf("-%d-%s", os.Getpid(), strings.ToLower(t.Name()))
	h, c := hostNS+suffix, clientNS+suffix
	for _, ns := range []string{h, c} {
		sh(t, "ip netns add "+ns)
		t.Cleanup(func() { sh(t, "ip netns del "+ns) })
		sh(t, "ip -n "+ns+" link set lo up")
	}
	sh(t, "ip -n "+h+" link add eth0 type veth peer name eth0 netns "+c)
	// A machine that looks hard at where packages come from, as RHEL does.
	sh(t, "ip netns exec "+h+" sh -c 'for i in all default lo eth0; do echo 1 > /proc/sys/net/ipv4/conf/$i/rp_filter; done'")
	for _, side := range [][3]string{{h, hostAddr, hostAddr6}, {c, clientAddr, clientAddr6}} {
		sh(t, "ip -n "+side[0]+" address add "+side[1]+"/24 dev eth0 && ip -n "+side[0]+" address add "+side[2]+"/64 dev eth0 nodad && ip -n "+side[0]+" link set eth0 up")
	}
	cmd := exec.Command("ip", "netns", "exec", h, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), "HOLD_INSIDE="+c)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func sh(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

// outside does something in the clients' namespace.
func outside(t *testing.T, do func()) {
	t.Helper()
	f, err := os.Open("/run/netns/" + os.Getenv("HOLD_INSIDE"))
	must(t, err)
	defer f.Close()
	thread.Own(func() {
		if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err == nil {
			do()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects from outside.
func dial(t *testing.T, address string, within time.Duration) (conn net.Conn, err error) {
	t.Helper()
	outside(t, func() { conn, err = net.DialTimeout("tcp", address, within) })
	return conn, err
}

func mustDial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := dial(t, address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// systemdStandIn starts the relay as systemd does.
type systemdStandIn struct {
	t    *testing.T
	h    Hold
	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan error

	notYet int // starts that find the unit running, which is somebody else's process
}

func (s *systemdStandIn) Reload(context.Context) error { return nil }

func (s *systemdStandIn) Start(context.Context, string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notYet > 0 {
		s.notYet--
		return nil
	}
	if s.running() {
		return nil
	}
	unit, err := os.ReadFile(s.h.Places.HoldUnitFile())
	if err != nil {
		return err
	}
	return s.startAs(unit)
}

// startAs starts the relay of a unit that systemd has read, whether its file is still there or not.
func (s *systemdStandIn) startAs(unit []byte) error {
	var to uint16
	_, line, _ := strings.Cut(string(unit), "ExecStart=")
	if _, err := fmt.Sscanf(line, "/opt/engine relay --port %d", &to); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOLD_RELAY="+s.h.Places.Root, fmt.Sprintf("HOLD_PORT=%d", to))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		result := "success"
		if err != nil {
			result = "signal"
		}
		if err := s.h.Ended(); err != nil { // the first ExecStopPost
			s.t.Error(err)
		}
		_, last, _ := strings.Cut(string(unit), "ExecStopPost=-/bin/sh -c '")
		last, _, _ = strings.Cut(last, "'\n")
		post := exec.Command("sh", "-c", strings.ReplaceAll(last, "$$", "$"))
		post.Env = append(os.Environ(), "SERVICE_RESULT="+result)
		if out, err := post.CombinedOutput(); err != nil || last == "" {
			s.t.Errorf("ExecStopPost %q: %v: %s", last, err, out)
		}
		done <- err
	}()
	s.cmd, s.done = cmd, done
	return nil
}

func (s *systemdStandIn) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case err := <-s.done:
		s.done <- err
		return false
	default:
		return true
	}
}

func (s *systemdStandIn) Stop(context.Context, string) error {
	s.kill(syscall.SIGKILL)
	return nil
}

func (s *systemdStandIn) kill(with os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running() {
		_ = s.cmd.Process.Signal(with)
		err := <-s.done
		s.done <- err
	}
}

// wait waits until the relay has ended by itself.
func (s *systemdStandIn) wait(within time.Duration) {
	s.t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil {
			s.t.Errorf("the relay: %v", err)
		}
	case <-time.After(within):
		s.t.Fatal("the relay has not ended")
	}
}

func world(t *testing.T) (Hold, *systemdStandIn) {
	t.Helper()
	h := newHold(t.TempDir())
	s := &systemdStandIn{t: t, h: h}
	h.Units = s
	t.Cleanup(func() { s.kill(syscall.SIGKILL) })
	if err := h.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, s
}

// server answers each line with its name, the line and the client's address.
func server(t *testing.T, name string, addresses ...string) (stop func()) {
	t.Helper()
	var all []net.Listener
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					lines := bufio.NewScanner(conn)
					for lines.Scan() {
						from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
						fmt.Fprintf(conn, "%s %s %s\n", name, lines.Text(), from)
					}
				}()
			}
		}()
	}
	stop = func() {
		for _, l := range all {
			_ = l.Close()
		}
	}
	t.Cleanup(stop)
	return stop
}

func ask(t *testing.T, conn net.Conn, line string) string {
	t.Helper()
	if _, err := fmt.Fprintln(conn, line); err != nil {
		t.Fatal(err)
	}
	return hear(t, conn)
}

func hear(t *testing.T, conn net.Conn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return strings.TrimSpace(answer)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nothingLeft fails when the kernel has something of ours.
func nothingLeft(t *testing.T, h Hold) {
	t.Helper()
	for _, line := range []string{"ip rule", "ip -6 rule"} {
		if said := sh(t, line); strings.Contains(said, "iif lo") {
			t.Errorf("%s: %s", line, said)
		}
	}
	if said := sh(t, "ip route show table all; ip -6 route show table all"); strings.Contains(said, "local default") {
		t.Errorf("routes: %s", said)
	}
	if active, err := h.Active(t.Context()); err != nil || active {
		t.Errorf("clients are held: %v, %v", active, err)
	}
}

// TestHeldClients is a whole window: a kept connection stays with the old server, those that come wait, and reach the new
// one with what they had sent and from their own addresses.
func TestHeldClients(t *testing.T) {
	if inside(t) {
		h, s := world(t)
		window(t, h, s)
	}
}

// TestHeldByIPTables is the same on a kernel without TPROXY of nftables.
func TestHeldByIPTables(t *testing.T) {
	if inside(t) {
		h, s := world(t)
		h.without = "nftables"
		window(t, h, s)
	}
}

func window(t *testing.T, h Hold, s *systemdStandIn) {
	t.Helper()
	must(t, h.Possible(t.Context()))
	stop := server(t, "old", fmt.Sprintf("0.0.0.0:%d", port), fmt.Sprintf("[::]:%d", 4431))
	kept := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	if got := ask(t, kept, "1"); got != "old 1 "+clientAddr {
		t.Errorf("before: %q", got)
	}
	for range 2 {
		must(t, h.Begin(t.Context()))
	}
	if active, err := h.Active(t.Context()); err != nil || !active {
		t.Errorf("held: %v, %v", active, err)
	}
	if got := ask(t, kept, "2"); got != "old 2 "+clientAddr {
		t.Errorf("a connection from before: %q", got)
	}
	var waiting []net.Conn
	for i := range 20 {
		address := fmt.Sprintf("%s:%d", hostAddr, port)
		if i%2 == 1 {
			address = fmt.Sprintf("[%s]:4431", hostAddr6)
		}
		conn := mustDial(t, address)
		fmt.Fprintf(conn, "%d\n", i)
		waiting = append(waiting, conn)
	}
	gone := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(gone, "gone")
	_ = gone.Close()
	stop()
	server(t, "new", fmt.Sprintf("0.0.0.0:%d", port), "[::]:4431")
	if l, err := Dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Errorf("our own question: %v", err)
	} else if got := ask(t, l, "probe"); got != "new probe 127.0.0.1" {
		t.Errorf("our own question: %q", got)
	}
	local, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	must(t, err)
	fmt.Fprintln(local, "local")
	_ = waiting[0].SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := waiting[0].Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an answer before the release: %d, %v", n, err)
	}
	if st, err := h.Status(); err != nil || st.Taken != 22 || st.Waiting != 22 || st.Released {
		t.Errorf("while they wait: %+v, %v", st, err)
	}
	st, err := h.Release(t.Context())
	if err != nil || st == nil || !st.Released {
		t.Fatalf("release: %+v, %v", st, err)
	}
	for i, conn := range waiting {
		from := clientAddr
		if i%2 == 1 {
			from = clientAddr6
		}
		if got, want := hear(t, conn), fmt.Sprintf("new %d %s", i, from); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := ask(t, conn, "again"), "new again "+from; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := hear(t, local); got != "new local 127.0.0.1" {
		t.Errorf("a client on this host: %q", got)
	}
	_ = local.Close()
	direct := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	if got := ask(t, direct, "later"); got != "new later "+clientAddr {
		t.Errorf("after the release: %q", got)
	}
	if st, err := h.Status(); err != nil || st.Left != 1 || st.Failed != 0 || st.Taken != 22 {
		t.Errorf("after the release: %+v, %v", st, err)
	}
	for _, conn := range waiting {
		_ = conn.Close()
	}
	_ = direct.Close()
	s.wait(20 * time.Second)
	nothingLeft(t, h)
	if _, err := h.Release(t.Context()); err != nil {
		t.Errorf("a release of nothing: %v", err)
	}
	if err := h.Forget(t.Context()); err != nil {
		t.Errorf("nothing to forget: %v", err)
	}
	if left := sh(t, "find "+h.Places.Root+"/run ! -type d"); left != "" {
		t.Errorf("files: %s", left)
	}
}

// TestRelayDies: nobody is let in or turned away while it is dead, and clients that come again reach the next one.
func TestRelayDies(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	must(t, h.Begin(t.Context()))
	held := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	s.kill(syscall.SIGKILL)
	server(t, "new", fmt.Sprintf("0.0.0.0:%d", port))
	if _, err := held.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client of the dead relay: %v", err)
	}
	if conn, err := dial(t, fmt.Sprintf("%s:%d", hostAddr, port), 500*time.Millisecond); err == nil {
		t.Errorf("let in before the release: %q", ask(t, conn, "x"))
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("turned away: %v", err)
	}
	must(t, s.Start(t.Context(), h.Places.HoldUnit()))
	conn := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port)) // by a packet that its kernel repeats
	fmt.Fprintln(conn, "x")
	_, err := h.Release(t.Context())
	must(t, err)
	if got := hear(t, conn); got != "new x "+clientAddr {
		t.Errorf("got %q", got)
	}
	// Killed after the release it is started as one that has released, and ends.
	s.kill(syscall.SIGKILL)
	must(t, s.Start(t.Context(), h.Places.HoldUnit()))
	s.wait(20 * time.Second)
	nothingLeft(t, h)
}

// TestRelayEndIsKilled: what removes the relay's files can be killed after each of them. systemd starts the relay again from
// what it remembers of the unit, and that ends by itself.
func TestRelayEndIsKilled(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	for left := range 3 {
		must(t, h.Begin(t.Context()))
		must(t, h.capture(0).Stop(t.Context()))
		s.kill(syscall.SIGKILL)
		unit, err := os.ReadFile(h.Places.HoldUnitFile())
		must(t, err)
		must(t, os.WriteFile(h.Places.HoldReleased(), nil, 0o600))
		for i, path := range h.files() {
			if i > 2-left {
				break
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		must(t, s.startAs(unit))
		s.wait(20 * time.Second)
		nothingLeft(t, h)
		if left := sh(t, "find "+h.Places.Root+"/run ! -type d"); left != "" {
			t.Errorf("files: %s", left)
		}
	}
}

// TestReleaseWithoutARelay lets clients on all the same.
func TestReleaseWithoutARelay(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	must(t, h.Begin(t.Context()))
	s.kill(syscall.SIGKILL)
	server(t, "old", fmt.Sprintf("0.0.0.0:%d", port))
	if st, err := h.Release(t.Context()); err != nil || st != nil {
		t.Errorf("%+v, %v", st, err)
	}
	if got := ask(t, mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port)), "x"); got != "old x "+clientAddr {
		t.Errorf("got %q", got)
	}
	nothingLeft(t, h)
}

// TestForget removes what was made ready and never needed.
func TestForget(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	must(t, h.Forget(t.Context()))
	if left := sh(t, "find "+h.Places.Root+"/run ! -type d"); left != "" {
		t.Errorf("files: %s", left)
	}
	nothingLeft(t, h)
}

// TestSilentRelay: new clients are let on though it does not answer.
func TestSilentRelay(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	must(t, h.Begin(t.Context()))
	server(t, "new", fmt.Sprintf("0.0.0.0:%d", port))
	must(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	if _, err := h.Release(t.Context()); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
	if got := ask(t, mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port)), "x"); got != "new x "+clientAddr {
		t.Errorf("got %q", got)
	}
}

// TestServerOfOneAddress: one that does not listen on loopback is asked where its clients ask.
func TestServerOfOneAddress(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	must(t, h.Begin(t.Context()))
	conn := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(conn, "x")
	server(t, "new", fmt.Sprintf("%s:%d", hostAddr, port))
	_, err := h.Release(t.Context())
	must(t, err)
	if got := hear(t, conn); !strings.HasPrefix(got, "new x ") {
		t.Errorf("got %q", got)
	}
}

// TestBytes passes a large upload and a large answer, and the end of each.
func TestBytes(t *testing.T) {
	if !inside(t) {
		return
	}
	h, _ := world(t)
	must(t, h.Begin(t.Context()))
	l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port))
	must(t, err)
	const size = 32 << 20
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, conn)
		_, _ = io.CopyN(conn, zeros{}, n)
		_ = conn.Close()
	}()
	conn := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	go func() {
		_, _ = io.CopyN(conn, zeros{}, size)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	time.Sleep(200 * time.Millisecond)
	_, err = h.Release(t.Context())
	must(t, err)
	if n, err := io.Copy(io.Discard, conn); err != nil || n != size {
		t.Errorf("%d bytes came back, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestHandshakeUnderWay is a client whose first packet the door has answered and whose third is late: the door is not to stop before.
func TestHandshakeUnderWay(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	stop := server(t, "old", fmt.Sprintf("0.0.0.0:%d", port))
	late := fmt.Sprintf("ip netns exec %s iptables -%%s OUTPUT -p tcp --dport %d --tcp-flags SYN,ACK ACK -j DROP", os.Getenv("HOLD_INSIDE"), port)
	sh(t, fmt.Sprintf(late, "A"))
	client := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(client, "1") // is lost, and repeated some 200 ms later
	time.AfterFunc(100*time.Millisecond, func() { sh(t, fmt.Sprintf(late, "D")) })
	must(t, h.Begin(t.Context()))
	must(t, h.AwaitHandshakes(t.Context()))
	stop()
	if got := hear(t, client); got != "old 1 "+clientAddr {
		t.Errorf("got %q", got)
	}
	_, err := h.Release(t.Context())
	must(t, err)
	s.wait(10 * time.Second)
	nothingLeft(t, h)
}

// TestEndingRelay is one of the window before that ends in the moment in which it is asked to hold again.
func TestEndingRelay(t *testing.T) {
	if !inside(t) {
		return
	}
	h, s := world(t)
	l, err := listenPrivately(h.Places.HoldSocket())
	must(t, err)
	ending := make(chan string, 2)
	go func() {
		defer l.Close()
		for range 2 {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			if line == "status\n" {
				fmt.Fprintf(conn, `{"released":true,"port":1,"ports":[%d,%d]}`+"\n", h.Ports[0], h.Ports[1])
			}
			ending <- strings.TrimSpace(line)
			_ = conn.Close()
		}
	}()
	s.notYet = 1 // the unit of the relay that ends still runs
	must(t, h.Begin(t.Context()))
	if a, b := <-ending, <-ending; a != "status" || b != "hold" {
		t.Errorf("asked %q and %q", a, b)
	}
	client := mustDial(t, fmt.Sprintf("%s:%d", hostAddr, port))
	fmt.Fprintln(client, "1")
	server(t, "new", fmt.Sprintf("0.0.0.0:%d", port))
	_, err = h.Release(t.Context())
	must(t, err)
	if got := hear(t, client); got != "new 1 "+clientAddr {
		t.Errorf("got %q", got)
	}
	_ = client.Close()
	s.wait(10 * time.Second)
	nothingLeft(t, h)
}
