// Package agent is the demo product's agents: what runs on the machines that the
// product manages. One process hosts many agents; each answers under its own name, and a
// running agent can be told to fetch a package and start its own successor, which is how the
// real product replaces them. An agent that is down cannot be replaced.
package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Record is what node_instances.runtime_properties says of an agent, under cloudify_agent.
type Record struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Address string `json:"address"` // host:port of the process that hosts it
	Package string `json:"package"` // e.g. centos-core
}

// FromRuntime reads the record out of runtime properties.
func FromRuntime(runtime map[string]any) (Record, error) {
	var r Record
	b, err := json.Marshal(runtime["cloudify_agent"])
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil && (r.Name == "" || r.Address == "") {
		err = fmt.Errorf("runtime properties name no agent")
	}
	return r, err
}

// Into writes the record into runtime properties, leaving keys alone that it does not know.
func (r Record) Into(runtime map[string]any) {
	old, ok := runtime["cloudify_agent"].(map[string]any)
	if !ok {
		old = map[string]any{}
	}
	old["name"], old["version"], old["address"], old["package"] = r.Name, r.Version, r.Address, r.Package
	runtime["cloudify_agent"] = old
}

// Info is an agent's answer.
type Info struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type order struct {
	Package string `json:"package"` // URL
}

// Ask asks an agent who it is.
func Ask(ctx context.Context, r Record) (Info, error) {
	return call(ctx, http.MethodGet, "http://"+r.Address+"/agents/"+url.PathEscape(r.Name), nil)
}

// Install tells an agent to install the package at that URL and returns its successor.
func Install(ctx context.Context, r Record, packageURL string) (Info, error) {
	body, err := json.Marshal(order{Package: packageURL})
	if err != nil {
		return Info{}, err
	}
	return call(ctx, http.MethodPost, "http://"+r.Address+"/agents/"+url.PathEscape(r.Name)+"/install", body)
}

func call(ctx context.Context, method, address string, body []byte) (info Info, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return info, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return info, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return info, err
	}
	if resp.StatusCode != http.StatusOK {
		return info, fmt.Errorf("agent answers %s: %s", resp.Status, bytes.TrimSpace(b))
	}
	return info, json.Unmarshal(b, &info)
}
