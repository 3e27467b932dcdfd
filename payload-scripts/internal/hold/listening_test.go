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

func TestListeners(t *testing.T) {
	t.Parallel()
	there := map[uint16]bool{}
	if err := listeners(bufio.NewScanner(strings.NewReader(table)), there); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(there)); !slices.Equal(got, []uint16{22, 23, 24, 80, 443, 8080}) {
		t.Errorf("got %v", got)
	}
	if err := listeners(bufio.NewScanner(strings.NewReader("0: 00000000:XX 00000000:0000 0A\n")), there); err == nil {
		t.Error("no mistake in a damaged table")
	}
}

func TestListening(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	if got, err := Listening([]uint16{1, port}); err != nil || !slices.Equal(got, []uint16{port}) {
		t.Errorf("got %v, %v; want %d", got, err, port)
	}
}
