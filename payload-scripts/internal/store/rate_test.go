package store

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/test/product/documents"
	"onerpm/test/product/elasticsearch"
	"onerpm/test/product/testbed"
)

func hwm(t *testing.T) string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "VmHWM") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return ""
}

func TestRate(t *testing.T) {
	ctx := context.Background()
	node, err := elasticsearch.Start(ctx, elasticsearch.Options{Heap: "700m"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	b := testbed.New(t)
	p := documents.New(documents.Options{Address: node.Address, Seed: 1, Deployments: 2})
	b.Must(p.Create(ctx))
	const jobs, days, total = 2000, 10, 100000
	put := func(lines *strings.Builder) {
		_, err := elasticsearch.Call(ctx, node.Address, "POST", "/_bulk", []byte(lines.String()))
		b.Must(err)
		lines.Reset()
	}
	var l strings.Builder
	fmt.Fprintf(&l, `{"index":{"_index":"cloudify_storage","_type":"blueprint","_id":"b"}}`+"\n"+`{"id":"b","plan":{"x":"%s"},"description":null,"main_file_name":"b","created_at":"2017-01-05 10:20:30.123456","updated_at":null}`+"\n", strings.Repeat("y", 300000))
	fmt.Fprintf(&l, `{"index":{"_index":"cloudify_storage","_type":"deployment","_id":"d"}}`+"\n"+`{"id":"d","blueprint_id":"b","created_at":"2017-01-05 10:20:30.123456","workflows":{}}`+"\n")
	for i := range jobs {
		fmt.Fprintf(&l, `{"index":{"_index":"cloudify_storage","_type":"execution","_id":"e%d"}}`+"\n"+`{"id":"e%d","deployment_id":"d","workflow_id":"install","created_at":"2017-01-05 10:20:30.123456","error":"","parameters":{"a":[1,2,3]},"is_system_workflow":false,"status":"terminated"}`+"\n", i, i)
	}
	put(&l)
	start := time.Date(2017, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range total {
		at := start.Add(time.Duration(i) * time.Hour * 24 * days / total)
		kind := []string{"cloudify_event", "cloudify_log"}[i%2]
		fmt.Fprintf(&l, `{"index":{"_index":"logstash-%s","_type":"%s","_id":"AVl3k%015d"}}`+"\n"+`{"@timestamp":"%s","@version":"1","type":"%s","event_type":"task_started","logger":"vm_12345.script_runner.tasks.run","level":"info","message_code":null,"timestamp":"%s+0000","message":{"text":"Task started 'script_runner.tasks.run' number %d [attempt 1/5]","arguments":null},"context":{"execution_id":"e%d","deployment_id":"d","blueprint_id":"b","workflow_id":"install","node_id":"vm_12345","node_name":"vm","operation":"cloudify.interfaces.lifecycle.start","task_id":"0c1f8a48-8a0e-4b5e-9a1f-%012d"},"tags":["event","_dateparsefailure"]}`+"\n",
			at.Format("2006.01.02"), kind, i, at.Format("2006-01-02T15:04:05.000Z"), kind, at.Format("2006-01-02 15:04:05.000"), i, i%jobs, i)
		if l.Len() > 4<<20 {
			put(&l)
		}
	}
	put(&l)
	l = strings.Builder{}
	runtime.GC()
	b.Create("4.0.1", false)
	b.Exec("DELETE FROM provider_context")
	before := hwm(t)
	b.Must(os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // VmHWM anew
	for _, polite := range []bool{true, false} {
		s := realStore(b, node.Address, "pickle")
		began := time.Now()
		if polite {
			_, err = s.Copy(ctx)
			b.Must(err)
			fmt.Println("first pass, polite:", time.Since(began), before, "->", hwm(t))
			began = time.Now()
			b.Must(s.Converge(ctx, manifest.New))
			fmt.Println("second pass:", time.Since(began), hwm(t))
			b.Must(s.Converge(ctx, manifest.Old))
			continue
		}
		b.Must(s.Converge(ctx, manifest.New))
		fmt.Println("all in the window:", time.Since(began), hwm(t))
	}
}
