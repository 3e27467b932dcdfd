package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"onerpm/test/host"
)

// TestWritesAreKept has a client write through the door during a whole upgrade,
// and during one that goes back, and the old release's code change rows that are there.
// What was acknowledged must be there at the end, both times.
func TestWritesAreKept(t *testing.T) {
	t.Parallel()
	m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
	m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual && dnf install -y "+give(t, m, "4.2.0"))
	for _, c := range []struct {
		name, before, after string
		code                int
		availability        string // how the release at the end shows who sees a row
	}{
		{"an upgrade that goes back", restDropIn(`ExecStartPre=/bin/sh -c "! grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service"`), restMend,
			4, "private_resource"},
		{"an upgrade", "true", "true",
			0, "case resource_availability when 'tenant' then false when 'private' then true end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.Sh(t, c.before)
			w := startWriting(t, m, fmt.Sprintf("w%d", c.code))
			w.await(t, 3)
			code, out := m.ShCode(t, prefix+" start && "+prefix+" wait")
			w.await(t, w.count()+3) // and some after the end
			w.end()
			if code != c.code {
				_, report := m.ShCode(t, prefix+" report")
				t.Fatalf("exit %d, want %d\n%s\n%s", code, c.code, out, report)
			}
			t.Logf("acknowledged: %d blueprints, %d executions; %d refused or without an answer", len(w.blueprints), len(w.executions), w.failed)
			var report told
			if read(t, m, &report); report.Clients.Taken == 0 {
				t.Error("nobody waited: nothing was written in the window")
			}
			w.check(t)
			checkUpdates(t, m, c.availability)
			m.Sh(t, c.after)
		})
	}
}

// writer is a client of the product that writes one thing after another.
type writer struct {
	m    *host.Machine
	name string
	stop context.CancelFunc
	done sync.WaitGroup

	mu         sync.Mutex
	blueprints []string // acknowledged, by id
	executions []string
	failed     int
}

// startWriting starts the client, and in the machine a loop that changes rows of
// events as the old release's code does. That loop counts a change only when the
// old release answered after it, so it was made before the services were stopped.
func startWriting(t *testing.T, m *host.Machine, name string) *writer {
	t.Helper()
	m.Sh(t, `rm -f /root/stop /root/updates; cat > /root/update <<'END'
for n in $(su postgres -c "psql -XAtqd cloudify_db -c 'select _storage_id from events order by 1 limit 250'"); do
	[ -e /root/stop ] && exit
	row=$(su postgres -c "psql -XAtqd cloudify_db -c 'update events set private_resource = (private_resource is distinct from false) where _storage_id = $n returning _storage_id, private_resource'")
	curl -fsS -m 2 http://127.0.0.1/api/v3.1/version 2>/dev/null | grep -q '"4.1.1"' && echo "$row" >> /root/updates
	sleep 0.1
done
END
systemd-run --quiet --collect --unit update bash /root/update`)
	ctx, stop := context.WithCancel(t.Context())
	w := &writer{m: m, name: name, stop: stop}
	w.done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			w.write(ctx, n)
			time.Sleep(50 * time.Millisecond)
		}
	})
	t.Cleanup(w.end)
	return w
}

// write writes one blueprint, and now and then starts an execution.
func (w *writer) write(ctx context.Context, n int) {
	id := fmt.Sprintf("%s-%d", w.name, n)
	_, err := w.send(ctx, http.MethodPut, "blueprints/"+id+"?application_file_name=blueprint.yaml", []byte("archive of "+id))
	w.note(&w.blueprints, id, err)
	if n%5 != 0 {
		return
	}
	answer, err := w.send(ctx, http.MethodPost, "executions",
		[]byte(`{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 0.1}, "force": true}`))
	w.note(&w.executions, answer.ID, err)
}

func (w *writer) note(list *[]string, id string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed++
		return
	}
	*list = append(*list, id)
}

type created struct {
	ID string `json:"id"`
}

// send sends a request through the door. No error means that it was acknowledged.
func (w *writer) send(ctx context.Context, method, what string, body []byte) (created, error) {
	var got created
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1/api/v3.1/"+what, bytes.NewReader(body))
	if err != nil {
		return got, err
	}
	req.SetBasicAuth("admin", "open-sesame-42")
	req.Header.Set("Tenant", "default_tenant")
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.m.HTTP().Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode/100 != 2 {
		return got, fmt.Errorf("%s: %s", resp.Status, data)
	}
	if err != nil {
		return got, nil //nolint:nilerr // the status has acknowledged it
	}
	return got, json.Unmarshal(data, &got)
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.blueprints)
}

// await waits until so many blueprints were acknowledged.
func (w *writer) await(t *testing.T, n int) {
	t.Helper()
	for range 600 {
		if w.count() >= n {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d blueprints were acknowledged, want %d", w.count(), n)
}

func (w *writer) end() {
	w.stop()
	w.done.Wait()
}

// check looks for every acknowledged write in the database, and for the blueprints' archives.
func (w *writer) check(t *testing.T) {
	t.Helper()
	there := map[string]bool{}
	for _, id := range strings.Fields(w.m.Sh(t, psql("select id from blueprints union all select id from executions"))) {
		there[id] = true
	}
	for _, id := range append(w.blueprints, w.executions...) {
		if !there[id] {
			t.Errorf("%s was acknowledged and is not there", id)
		}
	}
	archives := w.m.Sh(t, `cd /opt/manager/resources/blueprints/default_tenant && grep -H '' */`+w.name+`-*.tar.gz`)
	for _, id := range w.blueprints {
		if want := id + "/" + id + ".tar.gz:archive of " + id + "\n"; !strings.Contains(archives+"\n", want) {
			t.Errorf("the archive of %s is not there as it was uploaded", id)
		}
	}
}

// checkUpdates compares the rows that the old code changed with what they say now.
func checkUpdates(t *testing.T, m *host.Machine, private string) {
	t.Helper()
	changed := strings.Fields(m.Sh(t, "touch /root/stop; while systemctl is-active -q update; do sleep 0.1; done; cat /root/updates"))
	if len(changed) < 5 {
		t.Errorf("only %d rows were changed", len(changed))
	}
	now := map[string]bool{}
	for _, row := range strings.Fields(m.Sh(t, psql("select _storage_id, "+private+" from events"))) {
		now[row] = true
	}
	for _, row := range changed {
		if !now[row] {
			t.Errorf("the change %s of an event is not kept", row)
		}
	}
	t.Logf("%d rows were changed by the old code", len(changed))
}
