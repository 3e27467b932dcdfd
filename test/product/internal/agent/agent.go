// Package agent is the demo product's agents: what runs on the machines that the
// product manages. One process hosts many agents; each answers under its own name, and a
// running agent can be told to fetch a package and start its own successor, which is how the
// real product replaces them. An agent that is down cannot be replaced.
//
// From 4.0.1 on an agent is asked at its own address. One of an earlier release is reached through the broker that it has, with
// that broker's user and password: it listens on a queue of its name, and nowhere else.
package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Record is what node_instances.runtime_properties says of an agent, under cloudify_agent.
type Record struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`       // none at 3.4.2; an agent without one is taken for the manager's own release's
	Address string  `json:"address"`       // host:port of the process that hosts it; from 4.0.1 on
	Queue   string  `json:"queue"`         // in the broker
	Broker  *Broker `json:"broker_config"` // of an agent of an earlier release
	Package string  `json:"package"`       // e.g. centos-core
}

// Broker is the broker that an agent of an earlier release listens to.
type Broker struct {
	IP       string `json:"broker_ip"`
	Port     int    `json:"broker_port"`
	User     string `json:"broker_user"`
	Password string `json:"broker_pass"`
	TLS      bool   `json:"broker_ssl_enabled"`
}

// FromRuntime reads the record out of runtime properties.
func FromRuntime(runtime map[string]any) (Record, error) {
	var r Record
	b, err := json.Marshal(runtime["cloudify_agent"])
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err == nil && r.Name == "" {
		err = errors.New("runtime properties name no agent")
	}
	return r, err
}

// Into writes the record of an agent with an address into runtime properties, leaving keys alone that it does not know.
func (r Record) Into(runtime map[string]any) {
	old, ok := runtime["cloudify_agent"].(map[string]any)
	if !ok {
		old = map[string]any{}
	}
	old["name"], old["version"], old["address"], old["package"] = r.Name, r.Version, r.Address, r.Package
	delete(old, "broker_config")
	delete(old, "queue")
	runtime["cloudify_agent"] = old
}

// Info is an agent's answer.
type Info struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Address string `json:"address"` // where a successor is asked
}

type order struct {
	Package string `json:"package"` // URL
}

// Ask asks an agent who it is.
func Ask(ctx context.Context, r Record) (Info, error) {
	return r.call(ctx, http.MethodGet, "", nil)
}

// Install tells an agent to install the package at that URL, and returns the record of its successor.
func Install(ctx context.Context, r Record, packageURL string) (Record, error) {
	body, err := json.Marshal(order{Package: packageURL})
	if err != nil {
		return Record{}, err
	}
	info, err := r.call(ctx, http.MethodPost, "/install", body)
	return Record{Name: info.Name, Version: info.Version, Address: info.Address, Package: r.Package}, err
}

// before40 tells whether agents of a version know only their broker.
func before40(version string) bool { return strings.HasPrefix(version, "3.") }

// where is the URL at which an agent is asked.
func (r Record) where() (*url.URL, error) {
	if !before40(r.Version) {
		if r.Address == "" {
			return nil, fmt.Errorf("agent %s of version %q has no address", r.Name, r.Version)
		}
		return &url.URL{Scheme: "http", Host: r.Address, Path: "/agents/" + r.Name}, nil
	}
	if r.Broker == nil || r.Queue == "" {
		return nil, fmt.Errorf("agent %s of version %s has no broker_config or no queue", r.Name, r.Version)
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(r.Broker.IP, strconv.Itoa(r.Broker.Port)), Path: "/agents/" + r.Queue, User: url.UserPassword(r.Broker.User, r.Broker.Password)}
	if r.Broker.TLS {
		u.Scheme = "https"
	}
	return u, nil
}

func (r Record) call(ctx context.Context, method, task string, body []byte) (info Info, err error) {
	at, err := r.where()
	if err != nil {
		return info, err
	}
	at.Path += task
	req, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
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
