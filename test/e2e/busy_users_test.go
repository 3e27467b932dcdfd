package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// users work with the product of 3.4.2, and with what comes after it, through its door: they upload blueprints, make deployments, start executions,
// update and modify deployments, write node instances by their version, and delete. They keep what they were told.
type users struct {
	m    *host.Machine
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	kept     map[string]map[string]item   // acknowledged, by resource and id: the fields that they saw last
	archives map[string][sha256.Size]byte // of acknowledged blueprints, by id
	gone     map[string]bool              // resource and id, whose deletion was acknowledged
	refused  map[string]bool              // ids of blueprints to which nobody listened
	asked    []question
}

// question is a request and how it ended.
type question struct {
	sent, answered time.Time
	write          bool
	release        string // that said that it is there, for one who asked
	end            outcome
}

type outcome string

const (
	acknowledged outcome = "acknowledged"
	declined     outcome = "declined"   // the product says no
	notLetIn     outcome = "not let in" // nobody listens
	unknown      outcome = "unknown"    // the answer did not come, or says that something went wrong
)

// questionLimit is far more than any answer takes: the door lets clients in or refuses them, and leaves nobody waiting.
const questionLimit = time.Minute

// startUsers starts two who own deployments, one who changes an instance all the time, and one who looks.
func startUsers(t *testing.T, m *host.Machine) *users {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	u := &users{m: m, stop: stop, kept: map[string]map[string]item{}, archives: map[string][sha256.Size]byte{}, gone: map[string]bool{}, refused: map[string]bool{}}
	for _, resource := range listed {
		u.kept[resource] = map[string]item{}
	}
	for name, each := range map[string]func(context.Context, int){
		"alice": u.own("alice"), "bob": u.own("bob"), "changer": u.change("deployment-1"), "reader": u.look,
	} {
		pause := map[string]time.Duration{"alice": 1500 * time.Millisecond, "bob": 2100 * time.Millisecond, "changer": 100 * time.Millisecond, "reader": 20 * time.Millisecond}[name]
		u.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				each(context.WithoutCancel(ctx), n)
				time.Sleep(pause) // the worker has nothing to do for a moment, as at night
			}
		})
	}
	t.Cleanup(u.end)
	return u
}

// end lets everybody finish what they do.
func (u *users) end() {
	u.stop()
	u.done.Wait()
}

// ask sends a request through the door and decodes what was acknowledged.
func (u *users) ask(ctx context.Context, method, what string, body []byte, into any) outcome {
	ctx, cancel := context.WithTimeout(ctx, questionLimit)
	defer cancel()
	q := question{sent: time.Now(), write: method != http.MethodGet, end: unknown}
	req, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1/api/v2.1/"+what, bytes.NewReader(body))
	if err != nil {
		panic(err) // the address is ours
	}
	req.SetBasicAuth("root-of-all", "open-sesame-42") // 3.4.2 asks nobody
	req.Header.Set("Tenant", "default_tenant")
	resp, err := u.m.HTTP().Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		q.end = notLetIn
	}
	var answer []byte
	if err == nil {
		answer, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close() // only read
		switch {
		case resp.StatusCode/100 == 4:
			q.end = declined
		case resp.StatusCode/100 == 2 && err == nil && json.Unmarshal(answer, into) == nil:
			q.end = acknowledged
		}
	}
	q.answered = time.Now()
	if v, is := into.(*version); is && q.end == acknowledged {
		q.release = v.Version
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = append(u.asked, q)
	return q.end
}

// version is what the product says of itself.
type version struct{ Version string }

// keep notes what an acknowledged write has made of a thing. Of one whose outcome is not known only an earlier write says that it is there.
func (u *users) keep(resource string, end outcome, is item, fields ...string) bool {
	id, _ := is["id"].(string)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch end {
	case acknowledged:
		u.kept[resource][id] = is.only(itemOf(fields))
	case unknown:
		if u.kept[resource][id] != nil {
			u.kept[resource][id] = item{}
		}
	}
	return end == acknowledged
}

func itemOf(fields []string) item {
	i := item{}
	for _, f := range fields {
		i[f] = nil
	}
	return i
}

// write sends a JSON object and keeps some fields of the answer.
func (u *users) write(ctx context.Context, method, what string, body any, resource, id string, fields ...string) (item, bool) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is ours
	}
	is := item{}
	end := u.ask(ctx, method, what, text, &is)
	if end != acknowledged {
		is = item{"id": id}
	}
	return is, u.keep(resource, end, is, fields...)
}

// own is the life of a blueprint and of a deployment; every other two are deleted at its end.
func (u *users) own(name string) func(context.Context, int) {
	return func(ctx context.Context, n int) {
		id := fmt.Sprintf("busy-%s-%d", name, n)
		u.upload(ctx, id)
		u.write(ctx, http.MethodPost, "executions", item{"deployment_id": "deployment-0", "workflow_id": "sleep", "parameters": item{"seconds": 0.02, "n": n}, "force": true},
			"executions", "", "workflow_id", "parameters", "deployment_id")
		if _, ok := u.write(ctx, http.MethodPut, "deployments/"+id, item{"blueprint_id": "blueprint-0", "inputs": item{"size": n}}, "deployments", id, "blueprint_id", "inputs"); !ok {
			return
		}
		if !u.rest(ctx, id) {
			return
		}
		u.install(ctx, id, n)
		u.write(ctx, http.MethodPost, "executions", item{"deployment_id": id, "workflow_id": "install", "parameters": item{"seconds": 0.02}},
			"executions", "", "workflow_id", "parameters", "deployment_id")
		if !u.rest(ctx, id) {
			return
		}
		m, ok := u.write(ctx, http.MethodPost, "deployment-modifications", item{"deployment_id": id, "context": item{"n": n}, "nodes": item{"app": item{"instances": 3}}},
			"deployment-modifications", "", "deployment_id", "context", "status")
		if ok {
			u.write(ctx, http.MethodPost, fmt.Sprintf("deployment-modifications/%s/finish", m["id"]), item{}, "deployment-modifications", m["id"].(string), "deployment_id", "context", "status")
		}
		d, ok := u.write(ctx, http.MethodPost, "deployment-updates/"+id+"/update/initiate", item{"steps": []item{{"action": "add", "entity_type": "node", "entity_id": fmt.Sprint("nodes:", n)}}},
			"deployment-updates", "", "deployment_id", "steps", "execution_id")
		if ok {
			u.write(ctx, http.MethodPost, fmt.Sprintf("deployment-updates/%s/update/finalize", d["id"]), item{}, "deployment-updates", d["id"].(string), "deployment_id", "steps", "execution_id", "state")
		}
		if n%2 == 0 && u.rest(ctx, id) {
			u.remove(ctx, id)
		}
	}
}

func (u *users) upload(ctx context.Context, id string) {
	archive := machinecheck.Blueprint(id)
	is := item{}
	end := u.ask(ctx, http.MethodPut, "blueprints/"+id+"?application_file_name=blueprint.yaml&description="+id, archive, &is)
	if u.keep("blueprints", end, is, "description", "main_file_name", "plan"); end == acknowledged || end == notLetIn {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.archives[id] = sha256.Sum256(archive)
		u.refused[id] = end == notLetIn
	}
}

// rest waits until nothing of a deployment is under way, as the product's users do before they delete it. It is false when nobody answers.
func (u *users) rest(ctx context.Context, id string) bool {
	for range 600 {
		var all struct{ Items []struct{ Status string } }
		if u.ask(ctx, http.MethodGet, "executions?_size=1000&deployment_id="+id, nil, &all) != acknowledged {
			return false
		}
		busy := false
		for _, e := range all.Items {
			busy = busy || e.Status == "pending" || e.Status == "started"
		}
		if !busy {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// install takes each instance of a deployment through its states.
func (u *users) install(ctx context.Context, id string, n int) {
	var all struct{ Items []item }
	if u.ask(ctx, http.MethodGet, "node-instances?_size=100&deployment_id="+id, nil, &all) != acknowledged {
		return
	}
	for _, is := range all.Items {
		for step, state := range []string{"creating", "started"} {
			next, ok := u.patch(ctx, is, item{"state": state, "runtime_properties": item{"n": n, "step": step, "of": id}})
			if !ok {
				return
			}
			is = next
		}
	}
}

// patch writes a node instance at the version that was seen.
func (u *users) patch(ctx context.Context, seen, change item) (item, bool) {
	change["version"] = seen["version"]
	id := seen["id"].(string)
	return u.write(ctx, http.MethodPatch, "node-instances/"+id, change, "node-instances", id, "state", "runtime_properties", "version")
}

// change writes an instance of a deployment again and again; one whose product does not take that only looks.
func (u *users) change(deployment string) func(context.Context, int) {
	return func(ctx context.Context, n int) {
		var all struct{ Items []item }
		if u.ask(ctx, http.MethodGet, "node-instances?_size=100&_sort=id&deployment_id="+deployment, nil, &all) == acknowledged && len(all.Items) > 0 {
			u.patch(ctx, all.Items[0], item{"runtime_properties": item{"turn": n}})
		}
	}
}

// remove deletes a deployment and a blueprint.
func (u *users) remove(ctx context.Context, id string) {
	for _, resource := range []string{"deployments", "blueprints"} {
		end := u.ask(ctx, http.MethodDelete, resource+"/"+id, nil, &item{})
		if end != acknowledged && end != unknown {
			return
		}
		u.mu.Lock()
		u.gone[resource+" "+id] = end == acknowledged
		delete(u.kept[resource], id)
		delete(u.archives, id)
		for _, of := range []string{"executions", "deployment-updates", "deployment-modifications"} {
			for other, is := range u.kept[of] {
				if is["deployment_id"] == id {
					delete(u.kept[of], other)
				}
			}
		}
		for other, is := range u.kept["node-instances"] {
			if runtime, _ := is["runtime_properties"].(map[string]any); runtime["of"] == id {
				delete(u.kept["node-instances"], other)
			}
		}
		u.mu.Unlock()
		if end != acknowledged {
			return
		}
	}
}

// look asks who is there, and now and then for lists.
func (u *users) look(ctx context.Context, n int) {
	u.ask(ctx, http.MethodGet, "version", nil, &version{})
	if n%20 == 0 {
		u.ask(ctx, http.MethodGet, listed[n/20%len(listed)]+"?_size=50", nil, &item{})
	}
}

// count is how many requests there were of a kind, sent after a time.
func (u *users) count(after time.Time, want func(question) bool) (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, q := range u.asked {
		if q.sent.After(after) && want(q) {
			n++
		}
	}
	return n
}

func isAcknowledged(q question) bool { return q.write && q.end == acknowledged }

// await waits until so many writes more were acknowledged.
func (u *users) await(t *testing.T, more int) {
	t.Helper()
	from := time.Now()
	for range 1200 {
		if u.count(from, isAcknowledged) >= more {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%d writes were acknowledged, want %d", u.count(from, isAcknowledged), more)
}

// window is when nobody was let in: from the last answer of the old release to the first of the new one.
func (u *users) window(from, to string) (closed, opened time.Time) {
	for _, q := range u.asked {
		switch {
		case q.release == from:
			closed = q.answered
		case q.release == to && opened.IsZero():
			opened = q.answered
		}
	}
	return closed, opened
}

// check holds what the users were told against what 4.0.1 shows.
func (u *users) check(t *testing.T) {
	t.Helper()
	there := map[string]item{}
	for resource, all := range items(t, u.m, "v3.1") {
		for _, is := range all {
			if id, has := is["id"].(string); has {
				there[resource+" "+id] = is
			}
		}
	}
	for resource, all := range u.kept {
		for id, want := range all {
			is, found := there[resource+" "+id]
			if !found {
				t.Errorf("%s %s was acknowledged and is not there", resource, id)
			} else if got := is.only(want).text(t); got != want.text(t) {
				t.Errorf("%s %s is\n%.1000s\nwas acknowledged as\n%.1000s", resource, id, got, want.text(t))
			}
		}
	}
	for what, sure := range u.gone {
		_, id, _ := strings.Cut(what, " ")
		if !sure {
			continue
		}
		for of, is := range there {
			if of == what || is["deployment_id"] == id || is["blueprint_id"] == id {
				t.Errorf("%s was deleted, and there is %s", what, of)
			}
		}
		for _, folder := range []string{"blueprints", "uploaded-blueprints", "deployments"} {
			if _, err := os.Stat(u.m.Path(resources + folder + "/default_tenant/" + id)); !os.IsNotExist(err) && (folder == "deployments" || u.gone["blueprints "+id]) {
				t.Errorf("%s was deleted, and there are %s of it: %v", what, folder, err)
			}
		}
	}
	for id, want := range u.archives {
		if u.refused[id] {
			if there["blueprints "+id] != nil {
				t.Errorf("blueprint %s is there, and its upload was refused", id)
			}
			continue
		}
		archive, err := os.ReadFile(u.m.Path(resources + "blueprints/default_tenant/" + id + "/" + id + ".tar.gz"))
		if err != nil || sha256.Sum256(archive) != want {
			t.Errorf("archive of %s: %d bytes, %v", id, len(archive), err)
		}
	}
}
