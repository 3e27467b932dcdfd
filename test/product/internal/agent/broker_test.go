package agent

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An agent of 3.4.2 is reached through its broker and not otherwise, and its successor at its own address.
func TestThroughBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	free := func() (string, int) {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String(), l.Addr().(*net.TCPAddr).Port
	}
	address, _ := free()
	_, port := free()
	for name, text := range map[string]string{
		ListFile:   `{"agent-a": "3.4.2"}`,
		BrokerFile: `{"broker_ip": "127.0.0.1", "broker_port": ` + strconv.Itoa(port) + `, "broker_user": "u", "broker_pass": "p"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, address, dir) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(testPackage(t, "cloudify/VERSION", "4.0.1\n")); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(files.Close)

	broker := &Broker{IP: "127.0.0.1", Port: port, User: "u", Password: "p"}
	old := Record{Name: "agent-a", Queue: "agent-a", Version: "3.4.2", Package: "centos-core", Broker: broker}
	for {
		_, err := Ask(t.Context(), old)
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "connection refused") { // not listening yet
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for want, r := range map[string]Record{
		"no such agent":                 {Name: "agent-a", Version: "4.0.1", Address: address},
		"has no address":                {Name: "agent-a", Queue: "agent-a", Broker: broker},
		"no broker_config":              {Name: "agent-a", Queue: "agent-a", Version: "3.4.2", Address: address},
		"ACCESS_REFUSED":                {Name: "agent-a", Queue: "agent-a", Version: "3.4.2", Broker: &Broker{IP: "127.0.0.1", Port: port, User: "u", Password: "other"}},
		"HTTP response to HTTPS client": {Name: "agent-a", Queue: "agent-a", Version: "3.4.2", Broker: &Broker{IP: "127.0.0.1", Port: port, TLS: true}},
		"404 Not Found: no such agent":  {Name: "agent-a", Queue: "another", Version: "3.4.2", Broker: broker},
	} {
		if _, err := Ask(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}

	for how, want := range map[string]string{Fails: "507 Insufficient Storage: no space left on device", Gone: "EOF"} {
		if err := os.WriteFile(filepath.Join(dir, BrokenFile), []byte(`{"another": "gone", "agent-a": "`+how+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Ask(t.Context(), old); (err != nil) != (how == Gone) {
			t.Errorf("%s, asked: %v", how, err)
		}
		if _, err := Install(t.Context(), old, files.URL); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s, told to install: %v, want %q", how, err, want)
		}
	}
	if err := os.Remove(filepath.Join(dir, BrokenFile)); err != nil {
		t.Fatal(err)
	}
	next, err := Install(t.Context(), old, files.URL)
	if err != nil || next != (Record{Name: "agent-a@4.0.1", Version: "4.0.1", Address: address, Package: "centos-core"}) {
		t.Fatalf("%+v, %v", next, err)
	}
	if info, err := Ask(t.Context(), next); err != nil || info.Version != "4.0.1" {
		t.Errorf("%+v, %v", info, err)
	}
	runtime := map[string]any{"ip": "10.0.0.1", "cloudify_agent": map[string]any{"name": "agent-a", "queue": "agent-a", "broker_config": map[string]any{}, "user": "centos"}}
	next.Into(runtime)
	kept := runtime["cloudify_agent"].(map[string]any)["user"]
	if r, err := FromRuntime(runtime); err != nil || r != next || kept != "centos" {
		t.Errorf("%+v, %v, user %v", r, err, kept)
	}
}
