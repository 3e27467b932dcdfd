package sockets

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// A table as /proc/net/tcp and tcp6 show it on a little-endian machine.
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21537 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:0000000C 00:00000000 00000000     0        0 21538 1 0000000000000000 100 0 0 10 0
   2: 0101C80A:1F40 0201C80A:0051 01 00000000:00000000 00:00000000 00000000     0        0 21540 1 0000000000000000 100 0 0 10 0
   3: 0101C80A:01BB 0201C80A:0052 03 00000000:00000000 01:00000063 00000000     0        0 0 1 0000000000000000
   4: 00000000000000000000000001000000:0017 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21542 1 0
   5: 0000000000000000FFFF00000100007F:0018 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21543 1 0
`

func TestRead(t *testing.T) {
	t.Parallel()
	for state, want := range map[State][]string{
		Listens:     {"0.0.0.0:443 0.0.0.0:0 0", "127.0.0.1:8080 0.0.0.0:0 12", "[::1]:23 [::]:0 0", "127.0.0.1:24 [::]:0 0"},
		Established: {"10.200.1.1:8000 10.200.1.2:81 0"},
		Handshake:   {"10.200.1.1:443 10.200.1.2:82 0"},
	} {
		all, err := read(strings.NewReader(table), []State{state}, nil)
		var got []string
		for _, s := range all {
			got = append(got, fmt.Sprint(s.Local, " ", s.Remote, " ", s.Queue))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("state %s: %v, %v", state, got, err)
		}
	}
}

func TestReadDamaged(t *testing.T) {
	t.Parallel()
	for _, local := range []string{"00000000:XX", "00000000", "0000000:01BB", "0000000000:01BB", "0000000G:01BB", ":01BB", "00000000:101BB"} {
		if all, err := read(strings.NewReader("0: "+local+" 00000000:0000 0A 00000000:00000000\n"), []State{Listens}, nil); err == nil {
			t.Errorf("%s was read as %v", local, all)
		}
	}
	if all, err := read(strings.NewReader("0: 00000000:01BB 00000000:0000 0A 00000000\n"), []State{Listens}, nil); err == nil {
		t.Errorf("a line without the second queue was read as %v", all)
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("0100007F:1F90")
	f.Add("0000000000000000FFFF00000100007F:0018")
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := address(text); err == nil && !at.IsValid() {
			t.Errorf("%q was read as %v", text, at)
		}
	})
}

// TestIn finds the sockets of this process in the tables of this kernel.
func TestIn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, there := netip.MustParseAddrPort(l.Addr().String()), netip.MustParseAddrPort(client.LocalAddr().String())
	for state, want := range map[State]Socket{Listens: {State: Listens, Local: server, Remote: netip.MustParseAddrPort("0.0.0.0:0"), Queue: 1}, Established: {State: Established, Local: server, Remote: there}} {
		if all, err := In(state); err != nil || !slices.Contains(all, want) {
			t.Errorf("state %s: no %v in %v, %v", state, want, all, err)
		}
	}
}
