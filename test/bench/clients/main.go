// Command clients measures what clients see of an upgrade, and of one that goes back: from another network, over TLS, 50
// requests a second on 200 connections that they keep, a fifth of them uploads, and nobody tries again. It writes the table into
// docs/benchmarks.md:
//
//	go run ./test/bench/clients [--rounds 5] [--before BUNDLE] [--doc FILE]
//
// Each round is on a fresh 4.1.1 machine: first an upgrade whose REST service does not start, which goes back, then, with the
// cause gone, one that does not. In every second line slow clients are connected too: three who have sent half a request, one who
// reads a large file slowly, and one whose upload takes four seconds. --before is the bundle of another commit.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"onerpm/test/bench/internal/page"
	"onerpm/test/crowd"
	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("clients", flag.ContinueOnError)
	doc := flags.String("doc", "docs/benchmarks.md", "write the table into `FILE`")
	bundle := flags.String("bundle", "dist/cloudify-upgrade-4.2.0.rpm", "the bundle; make bundles builds it")
	before := flags.String("before", "", "measure this `BUNDLE` of another commit too")
	rounds := flags.Int("rounds", 5, "upgrades of each kind")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var all []result
	for n := range *rounds {
		for _, slow := range []bool{false, true} {
			for _, w := range []struct{ name, file string }{{"the bundle of before", *before}, {"the bundle", *bundle}} {
				if w.file == "" {
					continue
				}
				found, err := round(ctx, w.name, w.file, slow)
				if err != nil {
					return fmt.Errorf("%s, round %d: %w", w.name, n+1, err)
				}
				for _, r := range found {
					fmt.Fprintln(os.Stderr, r)
				}
				all = append(all, found...)
			}
		}
	}
	table := markdown(all)
	fmt.Print(table)
	section := "clients"
	if *before != "" {
		section = "clients beside before"
	}
	return page.WriteSection(*doc, section, table)
}

// result is what clients saw of one upgrade.
type result struct {
	bundle string
	slow   bool // slow clients were connected too
	back   bool

	requests, failed, refused, errors int // failed has the others, and those whose connection broke; errors are answers of 500 and more
	longest                           time.Duration
	window                            time.Duration // as the upgrade reports it
	lost                              int           // acknowledged uploads that are not there
}

func (r result) String() string {
	return fmt.Sprintf("%s, back %v, slow %v: %d of %d failed (%d refused, %d errors), longest wait %s, window %s, %d lost", r.bundle, r.back, r.slow, r.failed, r.requests, r.refused, r.errors, r.longest, r.window, r.lost)
}

// around is how long clients ask before and after: with the upgrade itself some 1,800 requests.
const around = 15 * time.Second

func round(ctx context.Context, name, bundle string, slow bool) ([]result, error) {
	m, err := host.Boot(ctx, host.Options{Release: "4.1.1", Data: true})
	if err != nil {
		return nil, err
	}
	defer m.Stop() //nolint:errcheck // the figures are there
	o, err := m.MakeOutside()
	if err != nil {
		return nil, err
	}
	defer o.Close() //nolint:errcheck // nothing is kept back
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		return nil, err
	}
	if _, err := m.Output(ctx, "mkdir -p /etc/cloudify-upgrade && touch /etc/cloudify-upgrade/manual && dnf install -y /root/bundle.rpm >/dev/null && "+
		"mkdir -p /opt/manager/resources && head -c 200M /dev/zero > /opt/manager/resources/large"); err != nil {
		return nil, err
	}
	var all []result
	for _, back := range []bool{true, false} {
		script := "rm -rf " + broken + "; systemctl daemon-reload"
		if back {
			script = "mkdir -p " + broken + ` && printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"\n' > ` + broken + "/x.conf && systemctl daemon-reload"
		}
		if _, err := m.Output(ctx, script); err != nil {
			return nil, err
		}
		r, err := measure(ctx, m, o, back, slow)
		if err != nil {
			return nil, err
		}
		r.bundle, r.slow, r.back = name, slow, back
		all = append(all, r)
	}
	return all, nil
}

// broken has a drop-in with which the new release's REST service does not start.
const broken = "/run/systemd/system/cloudify-restservice.service.d"

func measure(ctx context.Context, m *host.Machine, o *host.Outside, back, slow bool) (result, error) {
	var r result
	id := func(n int) string { return fmt.Sprintf("load-%v-%d", back, n) }
	header := http.Header{"Authorization": {"Basic YWRtaW46b3Blbi1zZXNhbWUtNDI="}, "Tenant": {"default_tenant"}}
	all, err := crowd.Start(ctx, crowd.Options{Dial: o.Dial, Address: host.Address + ":53333", TLS: true, Clients: 200, Every: 20 * time.Millisecond,
		Request: func(n int) (string, string, http.Header, []byte) {
			if n%5 == 4 {
				return http.MethodPut, "/api/v2.1/blueprints/" + id(n) + "?application_file_name=blueprint.yaml", header, machinecheck.Blueprint("of a crowd")
			}
			return http.MethodGet, "/api/v3.1/version", header, nil
		}})
	if err != nil {
		return r, err
	}
	defer all.End()
	time.Sleep(around)
	ended := make(chan struct{})
	if slow {
		go slowClients(ctx, o, ended)
		time.Sleep(500 * time.Millisecond)
	}
	want := 0
	if back {
		want = 4
	}
	out, err := m.Shell(ctx, "cloudify-upgrade start && cloudify-upgrade wait")
	close(ended)
	if err == nil && out.Code != want {
		err = fmt.Errorf("the upgrade: exit %d, want %d: %s%s", out.Code, want, out.Stdout, out.Stderr)
	}
	if err != nil {
		return r, err
	}
	time.Sleep(around)
	answers := all.End()
	there, err := m.Output(ctx, machinecheck.SQL("select id from blueprints"))
	if err != nil {
		return r, err
	}
	ids := map[string]bool{}
	for _, name := range strings.Fields(there) {
		ids[name] = true
	}
	for _, a := range answers {
		r.requests++
		r.longest = max(r.longest, a.Took)
		switch {
		case a.Failed():
			r.failed++
			fmt.Fprintln(os.Stderr, "  failed:", a)
			if a.Refused() {
				r.refused++
			}
			if a.Status >= 500 {
				r.errors++
			}
		case a.N%5 == 4 && a.Status == http.StatusCreated && !ids[id(a.N)]:
			r.lost++
		}
	}
	told, err := m.Output(ctx, "cloudify-upgrade report --json")
	if err != nil {
		return r, err
	}
	var report struct{ Window string }
	if err := json.Unmarshal([]byte(told), &report); err != nil {
		return r, err
	}
	r.window, err = time.ParseDuration(report.Window)
	return r, err
}

// slowClients are connected, again and again, until the upgrade has ended. What becomes of them is their own: the door gives them a moment.
func slowClients(ctx context.Context, o *host.Outside, ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range 3 {
		go again(ctx, o, host.Address+":80", func(conn net.Conn) error { // half a request
			_, err := io.WriteString(conn, "POST /api/v3.1/executions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
			return errors.Join(err, rest(ctx, conn))
		})
	}
	go again(ctx, o, host.Address+":53229", func(conn net.Conn) error { // a large answer, read slowly
		_, err := io.WriteString(conn, "GET /resources/large HTTP/1.1\r\nHost: x\r\n\r\n")
		for buffer := make([]byte, 64<<10); err == nil && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			_, err = conn.Read(buffer)
		}
		return err
	})
	go again(ctx, o, host.Address+":80", func(conn net.Conn) error { // an upload of four seconds
		_, err := io.WriteString(conn, "PUT /api/v2.1/blueprints/slow?application_file_name=blueprint.yaml HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n")
		for n := 0; n < 40 && err == nil && ctx.Err() == nil; n++ {
			time.Sleep(100 * time.Millisecond)
			_, err = conn.Write(make([]byte, 1000))
		}
		return err
	})
	<-ended
}

// again does something with a connection whenever the one before has ended.
func again(ctx context.Context, o *host.Outside, address string, do func(net.Conn) error) {
	for ctx.Err() == nil {
		conn, err := o.Dial(ctx, "tcp", address)
		if err == nil {
			_ = do(conn)
			_ = conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// rest waits until the other side ends.
func rest(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, err := io.Copy(io.Discard, conn)
	return err
}
