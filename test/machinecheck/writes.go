package machinecheck

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
)

// uploads is where the product keeps what clients upload. In a release on Elasticsearch there are no tenants.
const (
	uploads = "/opt/manager/resources/blueprints/"
	tenant  = "default_tenant/"
)

// uploadPrefix begins the names of what a [Client] uploads.
const uploadPrefix = "load-"

// Client writes to the product through its door, and keeps what was acknowledged: an archive by its digest, an
// execution by its id. It is not for use by several goroutines at a time.
type Client struct {
	Machine *host.Machine
	Name    string // tells its uploads from those of others

	archives   map[string][sha256.Size]byte
	executions []string
	told       map[string]telling
	uploads    int
	Refused    int // requests that were refused or got no answer
}

// telling is when a write was sent and acknowledged.
type telling struct{ sent, acknowledged time.Time }

// Upload stores an archive under a name of its own. No error means that it was acknowledged.
func (c *Client) Upload(ctx context.Context, body []byte) error {
	c.uploads++
	id, sent := fmt.Sprintf("%s%s-%d", uploadPrefix, c.Name, c.uploads), time.Now()
	if _, err := c.send(ctx, http.MethodPut, "blueprints/"+id+"?application_file_name=blueprint.yaml", body); err != nil {
		c.Refused++
		return err
	}
	if c.archives == nil {
		c.archives = map[string][sha256.Size]byte{}
	}
	c.archives[id] = sha256.Sum256(body)
	c.note(id, sent)
	return nil
}

func (c *Client) note(id string, sent time.Time) {
	if c.told == nil {
		c.told = map[string]telling{}
	}
	c.told[id] = telling{sent, time.Now()}
}

// Execute starts an execution that takes a moment. No error means that it was acknowledged.
func (c *Client) Execute(ctx context.Context) error {
	sent := time.Now()
	id, err := c.send(ctx, http.MethodPost, "executions",
		[]byte(`{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": {"seconds": 0.05}, "force": true}`))
	if err != nil {
		c.Refused++
		return err
	}
	c.executions = append(c.executions, id)
	c.note(id, sent)
	return nil
}

// Forget gives up the writes that were sent and acknowledged at times for which may is true: an Elasticsearch that was killed may have
// them or not. It returns how many those are.
func (c *Client) Forget(may func(sent, acknowledged time.Time) bool) int {
	before := c.Acknowledged()
	forgotten := func(id string) bool { return may(c.told[id].sent, c.told[id].acknowledged) }
	maps.DeleteFunc(c.archives, func(id string, _ [sha256.Size]byte) bool { return forgotten(id) })
	c.executions = slices.DeleteFunc(c.executions, forgotten)
	return before - c.Acknowledged()
}

// send sends a request and returns the id of what was made.
func (c *Client) send(ctx context.Context, method, what string, body []byte) (id string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1/api/v2.1/"+what, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("admin", "open-sesame-42")
	req.Header.Set("Tenant", "default_tenant")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Machine.HTTP().Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("%s: %s", resp.Status, answer)
	}
	if err != nil {
		return "", err // an answer that broke off: what it named is not known
	}
	var made struct {
		ID string `json:"id"`
	}
	return made.ID, json.Unmarshal(answer, &made)
}

// Blueprint is an archive that every release takes for a blueprint.
func Blueprint(description string) []byte {
	text := []byte("description: " + description + "\n")
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	_ = archive.WriteHeader(&tar.Header{Name: "load/blueprint.yaml", Size: int64(len(text)), Mode: 0o644})
	_, _ = archive.Write(text)
	_ = archive.Close()
	_ = zip.Close() // all of it goes into memory
	return b.Bytes()
}

// Flush makes what was acknowledged durable where the machine keeps it in Elasticsearch, which forgets the last five seconds
// with the power. It tells whether it does.
func (c *Client) Flush(ctx context.Context, t testing.TB) bool {
	t.Helper()
	if !keepsDocuments(t, c.Machine) {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:9200/_flush", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Machine.HTTP().Do(req)
	if err != nil {
		t.Fatalf("flush Elasticsearch: %v", err)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err := errors.Join(err, resp.Body.Close()); err != nil || !bytes.Contains(answer, []byte(`"failed":0`)) {
		t.Fatalf("flush Elasticsearch: %s, %v: %s", resp.Status, err, answer)
	}
	return true
}

// Acknowledged is how many writes were.
func (c *Client) Acknowledged() int { return len(c.archives) + len(c.executions) }

// Settle waits for a minute until the worker has ended the executions that were acknowledged and are there.
func (c *Client) Settle(t testing.TB) {
	t.Helper()
	var left []string
	for until := time.Now().Add(time.Minute); ; {
		left = c.unfinished(t)
		if len(left) == 0 {
			return
		}
		if time.Now().After(until) {
			t.Errorf("%d of %d acknowledged executions were not taken to their end: %s", len(left), len(c.executions), left)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// unfinished are the acknowledged executions that the product shows under way.
func (c *Client) unfinished(t testing.TB) (left []string) {
	t.Helper()
	var shown struct{ Items []struct{ ID, Status string } }
	out := c.Machine.Sh(t, "curl -fsS -m 20 -u admin:open-sesame-42 -H 'Tenant: default_tenant' 'http://127.0.0.1/api/v2.1/executions?_size=10000&_include=id,status'")
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		t.Fatalf("the executions that the product shows: %v\n%.1000s", err, out)
	}
	for _, e := range shown.Items {
		if slices.Contains(c.executions, e.ID) && !slices.Contains([]string{"terminated", "failed", "cancelled"}, e.Status) {
			left = append(left, e.ID)
		}
	}
	return left
}

// Lost looks for every acknowledged write, its row and for an archive its digest, and fails the test for those
// that are not there. It returns how many those are.
func (c *Client) Lost(t testing.TB) int {
	t.Helper()
	rows, folder := map[string]bool{}, uploads
	if keepsDocuments(t, c.Machine) {
		rows = there(t, c.Machine, "blueprint", slices.Collect(maps.Keys(c.archives)))
		maps.Copy(rows, there(t, c.Machine, "execution", c.executions))
	} else {
		folder += tenant
		for _, id := range strings.Fields(c.Machine.Sh(t, SQL("select id from blueprints union all select id from executions"))) {
			rows[id] = true
		}
	}
	var lost []string
	for id, want := range c.archives {
		archive, err := os.ReadFile(c.Machine.Path(folder + id + "/" + id + ".tar.gz"))
		switch {
		case err != nil:
			lost = append(lost, fmt.Sprintf("the archive of %s: %v", id, err))
		case sha256.Sum256(archive) != want:
			lost = append(lost, fmt.Sprintf("the archive of %s is another: %d bytes", id, len(archive)))
		case !rows[id]:
			lost = append(lost, "the row of "+id)
		}
	}
	for _, id := range c.executions {
		if !rows[id] {
			lost = append(lost, "the execution "+id)
		}
	}
	if len(lost) > 0 {
		t.Errorf("%d of %d acknowledged writes are lost: %s", len(lost), c.Acknowledged(), strings.Join(lost[:min(len(lost), 5)], "; "))
	}
	return len(lost)
}

// WithoutWrites leaves out of a comparison what clients write from now on, and what the worker writes about it.
func WithoutWrites(t testing.TB, m *host.Machine) Without {
	t.Helper()
	w := Without{Rows: map[string]string{}, Paths: []string{uploads + tenant + uploadPrefix}}
	if keepsDocuments(t, m) { // an upgrade gives each file the place and each document the row that the new release has for it
		const before = "/opt/manager/resources/uploaded-blueprints/"
		w.Copied = true
		w.Paths = append(w.Paths, uploads+uploadPrefix, before+uploadPrefix, before+tenant+uploadPrefix)
		w.Executions = executions(t, m)
		others := "id not in ('" + strings.Join(w.Executions, "','") + "')"
		w.Rows["blueprints"] = "id like '" + uploadPrefix + "%'"
		w.Rows["executions"] = others
		for _, table := range []string{"events", "logs"} {
			w.Rows[table] = "_execution_fk in (select _storage_id from executions where " + others + ")"
		}
		return w
	}
	for _, table := range []string{"blueprints", "executions", "events", "logs"} {
		w.Rows[table] = "_storage_id > " + m.Sh(t, SQL("select coalesce(max(_storage_id), 0) from "+table))
	}
	return w
}
