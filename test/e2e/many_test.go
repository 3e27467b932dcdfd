package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/test/host"
)

// How many clients wait at once.
const (
	many    = 10_000
	dialers = 64 // of them at the same moment
)

// TestManyWait: ten thousand clients come while the door is shut, among them one that sends without end and one that never reads.
// The relay's memory is bounded, the upgrade goes on and tells of them, and everybody has an answer.
func TestManyWait(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	o := m.Outside(t)
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	// The new release's REST service takes its time, so that the window is long enough for all of them to come.
	m.Sh(t, restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service || until test -e /run/all-wait; do sleep 0.1; done"`))
	m.Sh(t, prefix+" start")
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if tables, err := m.Tables(); err != nil || time.Now().After(until) {
			t.Fatalf("no client is held: %v", err)
		} else if len(tables) > 0 {
			break
		}
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var others sync.WaitGroup
	for _, what := range []func(net.Conn){sendWithoutEnd, neverRead} {
		others.Go(func() {
			conn, err := o.Dial(ctx, "tcp", host.Address+":80")
			if err != nil {
				t.Error(err)
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			what(conn)
			<-ctx.Done()
		})
	}
	clients := make(chan net.Conn, many+dialers)
	var failed atomic.Int64
	var dialing sync.WaitGroup
	began := time.Now()
	for range dialers {
		dialing.Go(func() {
			for range (many + dialers - 1) / dialers {
				conn, err := o.Dial(ctx, "tcp", host.Address+":80")
				if err == nil {
					_, err = io.WriteString(conn, "GET /api/v3.1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				}
				if err != nil {
					if failed.Add(1) < 5 {
						t.Errorf("a client that comes: %v", err)
					}
					continue
				}
				clients <- conn
			}
		})
	}
	dialing.Wait()
	close(clients)
	t.Logf("%d clients came within %s", len(clients), time.Since(began))
	var used int // KiB
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		relay := m.Sh(t, "pgrep -f '[e]ngine relay --port'")
		if used = resident(t, m.Sh(t, "cat /proc/"+relay+"/status")); time.Now().After(until) || strings.Count(m.Sh(t, "ls /proc/"+relay+"/fd"), "\n") > many {
			break
		}
	}
	m.Sh(t, "touch /run/all-wait")
	var answered [600]int
	var asking sync.WaitGroup
	var mu sync.Mutex
	for conn := range clients {
		asking.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
			status := 0
			if answer, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
				status = answer.StatusCode
			}
			mu.Lock()
			answered[status]++
			mu.Unlock()
		})
	}
	asking.Wait()
	since := time.Since(began)
	if code, out := m.ShCode(t, prefix+" wait"); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	end()
	others.Wait()
	var report told
	read(t, m, &report)
	t.Logf("the relay used %d MiB; all answers after %s; %+v", used>>10, since, report.Clients)
	for status, n := range answered {
		if n > 0 && status != http.StatusOK {
			t.Errorf("%d clients were answered by %d", n, status)
		}
	}
	if used > 256<<10 {
		t.Errorf("the relay used %d MiB", used>>10)
	}
	if report.Clients.Taken < many {
		t.Errorf("told: %+v", report.Clients)
	}
	nothingHeld(t, m)
	checkNew(t, m, "4.2.0")
}

// sendWithoutEnd sends a body that never ends.
func sendWithoutEnd(conn net.Conn) {
	_, err := fmt.Fprintf(conn, "PUT /api/v2.1/blueprints/endless HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 1<<40)
	for chunk := make([]byte, 64<<10); err == nil; {
		_, err = conn.Write(chunk)
	}
}

// neverRead asks again and again and takes no answer.
func neverRead(conn net.Conn) {
	var err error
	for err == nil {
		_, err = io.WriteString(conn, strings.Repeat("GET /api/v3.1/version HTTP/1.1\r\nHost: x\r\n\r\n", 100))
	}
}

// resident is the most memory that a process had at once, in KiB, by its status in proc(5).
func resident(t *testing.T, status string) int {
	t.Helper()
	_, after, _ := strings.Cut(status, "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(after + " ?")[0])
	if err != nil {
		t.Fatalf("%v: %s", err, status)
	}
	return n
}
