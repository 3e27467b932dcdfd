package elasticsearch_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/internal/elastic"
)

func start(t *testing.T, o elasticsearch.Options) *elasticsearch.Node {
	t.Helper()
	n, err := elasticsearch.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func call(t *testing.T, n *elasticsearch.Node, method, path, body string) string {
	t.Helper()
	got, err := elasticsearch.Call(t.Context(), n.Address, method, path, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// The node is a 1.6.0, gives a document back byte for byte, and is gone with its folder and its port.
func TestNode(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	n := start(t, elasticsearch.Options{})
	var about struct {
		Status  int
		Version struct{ Number string }
	}
	if err := json.Unmarshal([]byte(call(t, n, "GET", "/", "")), &about); err != nil || about.Status != 200 || about.Version.Number != elasticsearch.Version {
		t.Errorf("%+v, %v", about, err)
	}
	call(t, n, "PUT", "/i", `{"mappings": {"t": {"enabled": false}}}`) // an indexed field takes no such number
	const source = `{"b": 1.0,  "a": 123456789012345678901234567890, "a": -0.0, "": "\u0000\ud800"}`
	call(t, n, "PUT", "/i/t/x%20y?op_type=create", source)
	if got := call(t, n, "GET", "/i/t/x%20y/_source", ""); got != source {
		t.Errorf("written\n%s\nread\n%s", source, got)
	}
	_, err := elasticsearch.Call(t.Context(), n.Address, "PUT", "/i/t/x%20y?op_type=create", []byte(source))
	if !elastic.IsStatus(err, http.StatusConflict) {
		t.Errorf("created twice: %v", err)
	}
	if err := n.Term(); err != nil {
		t.Fatal(err)
	}
	data, err := filepath.Glob(temp + "/*/data")
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	heir := start(t, elasticsearch.Options{Data: data[0]})
	if got := call(t, heir, "GET", "/i/t/x%20y/_source", ""); got != source {
		t.Errorf("over another node's data\n%s", got)
	}
	if err := errors.Join(heir.Stop(), n.Stop()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if c, err := net.Dial("tcp", n.Address); err == nil {
		c.Close()
		t.Error("somebody still answers")
	}
}

// A node that is ended keeps its documents, and when it answers again, it answers with all of them; a
// killed one keeps what was flushed.
func TestRestart(t *testing.T) {
	t.Parallel()
	n := start(t, elasticsearch.Options{})
	address := n.Address
	again := func(end func() error) {
		t.Helper()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := n.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		call(t, n, "PUT", "/i/t/"+id, "{}")
	}
	again(n.Term)
	count := func() string {
		t.Helper()
		var got struct {
			Count  json.Number
			Shards struct{ Total, Successful json.Number } `json:"_shards"`
		}
		if err := json.Unmarshal([]byte(call(t, n, "GET", "/i/_count", "")), &got); err != nil {
			t.Fatal(err)
		}
		return got.Count.String() + " of " + got.Shards.Successful.String() + "/" + got.Shards.Total.String()
	}
	if got := count(); got != "26 of 5/5" {
		t.Errorf("after SIGTERM: %s", got)
	}
	call(t, n, "POST", "/i/_flush", "")
	again(n.Kill)
	if got := count(); got != "26 of 5/5" {
		t.Errorf("after SIGKILL: %s", got)
	}
	if n.Address != address {
		t.Errorf("it moved from %s to %s", address, n.Address)
	}
}

// What is wrong with a start is told, and leaves nothing.
func TestStartFails(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	n, err := elasticsearch.Start(t.Context(), elasticsearch.Options{Settings: []string{"http.port=70000"}})
	if err == nil {
		n.Stop()
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "70000") {
		t.Error(err)
	}
	if left, err := filepath.Glob(temp + "/*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
