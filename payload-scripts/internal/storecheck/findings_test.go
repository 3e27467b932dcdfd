package storecheck

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/store/storetest"
)

// TestFindings breaks a store in each way that a check tells.
func TestFindings(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change  func(*elastictest.Server)
		drained bool
		id      string
		level   finding.Level
		told    string
	}{
		"nothing but what is ignored": {id: "store-left-out", level: finding.Warn, told: "of 6 documents, not all can be copied as they are: 1 without a place: history"},
		"another version":             {change: func(s *elastictest.Server) { s.Version = "2.4.6" }, id: "store-version", level: finding.Refuse, told: `is version "2.4.6"`},
		"a closed index":              {change: func(s *elastictest.Server) { s.CloseIndex("things") }, id: "store-closed", level: finding.Refuse, told: "a closed index: index things of"},
		"nobody there":                {change: func(s *elastictest.Server) { s.Close() }, id: "store-unreachable", level: finding.Refuse, told: "refused"},
		"an unknown type":             {change: func(s *elastictest.Server) { s.Put("things", "x", "1", `{}`) }, id: "store-unknown", level: finding.Refuse, told: "[things/x]"},
		"a value that does not fit": {change: func(s *elastictest.Server) {
			s.Put("things", "site", "bad", `{"id":"bad","plan_id":"p","made":"secret"}`)
		}, id: "store-misfit", level: finding.Refuse, told: `1 values do not fit the new release's tables: document things/site/"bad" does not fit table sites, column made`},
		"very many": {change: func(s *elastictest.Server) {
			for i := range 30 {
				s.Put("things", "site", fmt.Sprint("bad", i), fmt.Sprintf(`{"id":"bad%d","plan_id":"p","made":"secret"}`, i))
			}
		}, id: "store-misfit", level: finding.Refuse, told: "; and 10 more"},
		"work under way":            {change: begin, id: "store-not-final", level: finding.Refuse, told: `jobs of "b", progress`},
		"work whose end is awaited": {change: begin, drained: true, id: "store-not-final", level: finding.Warn, told: `jobs of "b", progress`},
		"an orphan":                 {change: func(s *elastictest.Server) { s.Put("things", "part", "o", `{"id":"o","site_id":"gone"}`) }, id: "store-left-out", level: finding.Warn, told: "parts: 1 without a place (site: no such row)"},
		"an id in two indices": {change: func(s *elastictest.Server) {
			s.Put("days-2017.01.06", "event", "e", `{"@timestamp":"2017-01-05T10:20:30.000Z","context":{"job_id":"j"}}`)
		}, id: "store-left-out", level: finding.Warn, told: "events: 1 whose id another document has"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server := elastictest.New(t)
			storetest.Small(server)
			if c.change != nil {
				c.change(server)
			}
			server.Refresh()
			spec := storetest.Spec()
			conf := filepath.Join(t.TempDir(), "p.yaml")
			spec.From.Elasticsearch = manifest.HostAddress{File: conf, Format: "yaml", Host: "host", Port: "port"}
			spec.Values = map[string]manifest.HostValue{"ip": {File: conf, Format: "yaml", Key: "host"}}
			if err := os.WriteFile(conf, []byte(fmt.Sprintf("host: %s\nport: %d\n", server.Host, server.Port)), 0o600); err != nil {
				t.Fatal(err)
			}
			found, list := Run(context.Background(), spec, c.drained, false)
			unread := c.id == "store-version" || c.id == "store-closed" || c.id == "store-unreachable" || c.id == "store-shards"
			if (found == nil) != unread {
				t.Errorf("found %+v", found)
			}
			seen := false
			for _, f := range list {
				if strings.Contains(f.What, "secret") || f.Do == "" {
					t.Errorf("%+v", f)
				}
				if f.ID == c.id {
					seen = true
					if f.Level != c.level || !strings.Contains(f.What, c.told) {
						t.Errorf("%+v, want %s", f, c.told)
					}
				} else if f.ID != "store-left-out" {
					t.Errorf("%+v", f)
				}
			}
			if !seen {
				t.Errorf("no %s in %+v", c.id, list)
			}
			if found != nil && found.DiskSpace() < found.Documents*300 {
				t.Errorf("room %d for %d documents", found.DiskSpace(), found.Documents)
			}
		})
	}
}

func begin(s *elastictest.Server) {
	s.Put("things", "job", "b", `{"id":"b","site_id":null,"progress":"begun"}`)
}

// TestShards: a part that does not answer is reported as that.
func TestShards(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"store-shards": shardsError(t), "store-unreachable": os.ErrNotExist} {
		if got := unreadable(storetest.Spec(), err); len(got) != 1 || got[0].ID != name || got[0].Level != finding.Refuse {
			t.Errorf("%+v, want %s", got, name)
		}
	}
	missing := storetest.Spec()
	missing.From.Elasticsearch.File = filepath.Join(t.TempDir(), "none")
	if _, got := Run(context.Background(), missing, false, false); len(got) != 1 || got[0].ID != "store-address" {
		t.Errorf("%+v", got)
	}
}

// shardsError is what a source with shards that are still recovering says.
func shardsError(t *testing.T) error {
	t.Helper()
	server := elastictest.New(t)
	storetest.Small(server)
	server.Missing = 2
	s := open(server)
	s.From.Patience = 1
	_, err := Inspect(context.Background(), s, options(), nil)
	if err == nil {
		t.Fatal("all shards answered")
	}
	return err
}
