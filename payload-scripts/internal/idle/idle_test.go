package idle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/test/need"
)

// TestEnd has a client of each kind: only the connection that is kept for later is ended, and what is under way is answered.
func TestEnd(t *testing.T) {
	t.Parallel()
	need.Root(t)
	const quiet = 300 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	goOn := make(chan struct{})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					time.Sleep(20 * time.Millisecond) // an answer of the same moment may be taken for the first word
					switch lines.Text() {
					case "slow":
						<-goOn
					case "never read":
						fmt.Fprintln(conn, "answer")
						<-goOn
						continue
					}
					fmt.Fprintln(conn, "answer")
				}
			}()
		}
	}()
	said := map[string]net.Conn{}
	say := func(name, line string) {
		conn := said[name]
		if conn == nil {
			if conn, err = net.Dial("tcp", l.Addr().String()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			said[name] = conn
		}
		if line != "" {
			fmt.Fprintln(conn, line)
		}
	}
	say("kept", "x")
	say("kept for longer", "x")
	say("nothing said", "")
	say("under way", "slow")
	say("sent and not read", "never read")
	time.Sleep(100 * time.Millisecond)
	say("sent and not read", "more")
	time.Sleep(2 * quiet)
	say("just now", "x")
	time.Sleep(60 * time.Millisecond)

	port := uint16(l.Addr().(*net.TCPAddr).Port)
	for range 2 { // the second time there is nothing left
		if _, err := endOf(os.Getpid(), []uint16{1, port}, quiet); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	for name, want := range map[string]string{
		"kept": "answer\n", "kept for longer": "answer\n", "nothing said": "", "under way": "answer\n| open", "sent and not read": "answer\nanswer\n| open", "just now": "answer\n| open",
	} {
		_ = said[name].SetReadDeadline(time.Now().Add(quiet))
		all, err := io.ReadAll(said[name])
		got := string(all)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			got += "| open"
		} else if err != nil {
			got += err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestEndOfAnother: a process that has ended has no connections, and this one is not of such a unit.
func TestEndOfAnother(t *testing.T) {
	t.Parallel()
	if n, err := endOf(1<<22+1, []uint16{1}, 0); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := End("no-such-unit.service", []uint16{1}, 0); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestIn(t *testing.T) {
	t.Parallel()
	for groups, want := range map[string]bool{
		"0::/system.slice/web.service\n":                                           true,
		"0::/system.slice/web.service/worker\n":                                    true,
		"12:pids:/other.service\n1:name=systemd:/system.slice/web.service\n0::/\n": true,
		"0::/system.slice/web.service.d\n":                                         false,
		"0::/system.slice/my-web.service\n":                                        false,
		"":                                                                         false,
	} {
		if got := in("web.service", groups); got != want {
			t.Errorf("%q: %v", groups, got)
		}
	}
}

// TestAsked is about who said the last word, in the kernel's clock.
func TestAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		is   unix.TCPInfo
		want bool
	}{
		"the server's last":                        {unix.TCPInfo{Bytes_received: 1, Last_data_sent: 1000, Last_data_recv: 1004, Last_ack_recv: 1000}, false},
		"the client's last":                        {unix.TCPInfo{Bytes_received: 1, Last_data_sent: 1004, Last_data_recv: 1000, Last_ack_recv: 1000}, true},
		"at once, and acknowledged later":          {unix.TCPInfo{Bytes_received: 1, Last_data_sent: 1000, Last_data_recv: 1000, Last_ack_recv: 960}, false},
		"at once, and acknowledged then":           {unix.TCPInfo{Bytes_received: 1, Last_data_sent: 1000, Last_data_recv: 1000, Last_ack_recv: 1000}, true},
		"a client that has never said a word":      {unix.TCPInfo{Last_data_sent: 1000, Last_data_recv: 1000, Last_ack_recv: 1000}, false},
		"a server that spoke first, as SSH's does": {unix.TCPInfo{Last_data_sent: 1000, Last_data_recv: 1000, Last_ack_recv: 960}, false},
	} {
		if got := asked(&c.is); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
