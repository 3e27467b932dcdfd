package hold

import (
	"bufio"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
)

// A table as /proc/net/tcp and tcp6 show it on a little-endian machine.
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21537 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21538 1 0000000000000000 100 0 0 10 0
   2: 0101C80A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21539 1 0000000000000000 100 0 0 10 0
   3: 0101C80A:1F40 0201C80A:0051 01 00000000:00000000 00:00000000 00000000     0        0 21540 1 0000000000000000 100 0 0 10 0
   4: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21541 1 0
   5: 00000000000000000000000001000000:0017 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21542 1 0
   6: 0000000000000000FFFF00000100007F:0018 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21543 1 0
`

func TestCount(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]map[uint16]int{listens: {22: 1, 23: 1, 24: 1, 80: 1, 443: 1, 8080: 1}, established: {8000: 1}} {
		there := map[uint16]int{}
		if err := count(bufio.NewScanner(strings.NewReader(table)), state, there); err != nil || !maps.Equal(there, want) {
			t.Errorf("state %s: %v, %v", state, there, err)
		}
	}
	if err := count(bufio.NewScanner(strings.NewReader("0: 00000000:XX 00000000:0000 0A\n")), listens, map[uint16]int{}); err == nil {
		t.Error("no mistake in a damaged table")
	}
}

func TestListening(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	if got, err := Listening([]uint16{1, port}); err != nil || !slices.Equal(got, []uint16{port}) {
		t.Errorf("got %v, %v; want %d", got, err, port)
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if n, err := Connections([]uint16{1, port, port}); err != nil || n != 1 {
		t.Errorf("%d connections, %v", n, err)
	}
}
