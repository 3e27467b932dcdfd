package dbstate

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/test/product/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m, "wal_level=hot_standby", "hot_standby=on") }

func bundleOf(all ...manifest.Database) *layout.Bundle {
	return &layout.Bundle{Manifest: &manifest.Manifest{Prefix: testbed.Prefix, From: "4.1.1", To: "4.2.0", Databases: all}}
}

// patient is enough for a server that is busy with other tests.
const patient = time.Minute

var lsn = regexp.MustCompile(`^[0-9A-F]+/[0-9A-F]+$`)

// TestPrimary asks as the product's own role, which is no superuser.
func TestPrimary(t *testing.T) {
	t.Parallel()
	tb := testbed.New(t)
	s := all(t.Context(), bundleOf(tb.Spec), patient)[0]
	if s.Name != "manager" || s.Role != Primary || !lsn.MatchString(s.LSN) || s.Received != "" || s.Timeline != 1 || s.Why != "" || len(s.System) < 15 {
		t.Errorf("%+v", s)
	}
	tb.Exec("CREATE TABLE t AS SELECT generate_series(1, 1000)")
	if after := all(t.Context(), bundleOf(tb.Spec), patient)[0]; after.LSN == s.LSN || after.System != s.System {
		t.Errorf("after a write %+v, was %+v", after, s)
	}
}

// TestStandby turns a server into a standby, and promotes it: it is of the same cluster, and on another timeline then.
func TestStandby(t *testing.T) {
	t.Parallel()
	server, err := testbed.Start("wal_level=hot_standby", "hot_standby=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	tb := testbed.On(t, server)
	primary := all(t.Context(), bundleOf(tb.Spec), patient)[0]
	var data string
	var version int
	tb.Must(tb.Super.QueryRow("SELECT current_setting('data_directory'), current_setting('server_version_num')::int").Scan(&data, &version))
	tb.Must(server.Kill())
	name, text := "standby.signal", ""
	if version < 120000 {
		name, text = "recovery.conf", "standby_mode = on\n"
	}
	owned := func(name, text string) { // by PostgreSQL, which changes and removes it
		path := filepath.Join(data, name)
		info, err := os.Stat(data)
		tb.Must(err)
		tb.Must(os.WriteFile(path, []byte(text), 0o600))
		tb.Must(os.Chown(path, int(info.Sys().(*syscall.Stat_t).Uid), int(info.Sys().(*syscall.Stat_t).Gid)))
	}
	owned(name, text)
	tb.Must(server.Restart(t.Context()))
	s := all(t.Context(), bundleOf(tb.Spec), patient)[0]
	if s.Role != Standby || !lsn.MatchString(s.LSN) || s.System != primary.System || s.Timeline != primary.Timeline || s.Why != "" {
		t.Errorf("as a standby %+v, was %+v", s, primary)
	}
	owned("promote", "")
	pid, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	tb.Must(err)
	line, _, _ := strings.Cut(string(pid), "\n")
	postmaster, err := strconv.Atoi(line)
	tb.Must(err)
	tb.Must(syscall.Kill(postmaster, syscall.SIGUSR1)) // as pg_ctl promote does
	for s.Role == Standby && s.Why == "" && t.Context().Err() == nil {
		time.Sleep(20 * time.Millisecond)
		s = all(t.Context(), bundleOf(tb.Spec), patient)[0]
	}
	if s.Role != Primary || s.System != primary.System || s.Timeline != primary.Timeline+1 || s.Why != "" {
		t.Errorf("promoted %+v, was %+v", s, primary)
	}
}

// TestUnanswered: a server that is down, one that hangs and a file that is not there take no longer than there is time, and say why.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	hangs, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = down.Close()
	at := func(name, address string, only manifest.Side) manifest.Database {
		file := filepath.Join(t.TempDir(), "conf.yaml")
		if address != "" {
			if err := os.WriteFile(file, []byte("host: "+address+"\ndb: d\nuser: u\npassword: secret-42\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return manifest.Database{Name: name, Only: only, Connection: manifest.Connection{File: file, Format: "yaml", Keys: manifest.ConnectionKeys{Host: "host", Database: "db", User: "user", Password: "password"}}}
	}
	first, rest := at("hangs", hangs.Addr().String(), ""), []manifest.Database{at("down", down.Addr().String(), ""), at("no file", "", ""), at("later", "", manifest.New)}
	began := time.Now()
	found := all(t.Context(), bundleOf(first), 100*time.Millisecond)
	if took := time.Since(began); took > patient {
		t.Errorf("it took %s", took)
	}
	found = append(found, all(t.Context(), bundleOf(rest...), patient)...)
	for i, want := range []string{"it did not answer within 100ms", "connection refused", "read the database's address", "only 4.2.0 has it: "} {
		if s := found[i]; s.Role != "" || !strings.Contains(s.Why, want) && !strings.Contains(s.Why, "deadline") || strings.Contains(s.Why, "secret-42") {
			t.Errorf("%+v, want %q", s, want)
		}
	}
	b := bundleOf(append(rest, first)...)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if found := All(ended, b); len(found) != 4 || found[0].Why == "" {
		t.Errorf("%+v", found)
	}
	if found := All(t.Context(), bundleOf()); found == nil || len(found) != 0 {
		t.Errorf("without a database: %#v", found)
	}
}

func TestParseControl(t *testing.T) {
	t.Parallel()
	data := make([]byte, maxControl)
	binary.NativeEndian.PutUint64(data[atSystem:], 17_000_000_000_000_000_001)
	binary.NativeEndian.PutUint32(data[atVersion:], controlVersion)
	binary.NativeEndian.PutUint32(data[atTimeline:], 7)
	if system, timeline, err := parseControl(data); err != nil || system != "17000000000000000001" || timeline != 7 {
		t.Errorf("%s, %d, %v", system, timeline, err)
	}
	binary.NativeEndian.PutUint32(data[atVersion:], 1300)
	for _, bad := range [][]byte{nil, data[:controlEnd-1], data} {
		if _, _, err := parseControl(bad); err == nil {
			t.Errorf("%d bytes are taken", len(bad))
		}
	}
	for file, want := range map[string]int64{"000000010000000000000002": 1, "0000001A000000A000000002": 26, "": 0, "0000": 0, "zzzzzzzz0000": 0} {
		if got := timelineOf(file); got != want {
			t.Errorf("%q is of timeline %d, want %d", file, got, want)
		}
	}
}
