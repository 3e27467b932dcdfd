package hold

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"onerpm/payload-scripts/internal/sockets"
)

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

// TestHandshakeOverWhileLooking is a client whose handshake ends after the look has passed those that listen: the next look tells that
// the door has not accepted it yet.
func TestHandshakeOverWhileLooking(t *testing.T) {
	t.Parallel()
	door := func(queue uint64) sockets.Socket { return sockets.Socket{State: sockets.Listens, Queue: queue} }
	client := sockets.Socket{State: sockets.Handshake, Remote: netip.MustParseAddrPort("192.0.2.1:5000")}
	another := sockets.Socket{State: sockets.Handshake, Remote: netip.MustParseAddrPort("192.0.2.2:5000")} // came later: the relay's
	for name, looks := range map[string][][]sockets.Socket{
		"nobody":                         {{door(0)}, {door(0)}},
		"one that was seen before":       {{door(0), client}, {door(0), another}, {door(1), another}, {door(0), another}},
		"one in the first look":          {{door(0)}, {door(1)}, {door(0), another}},
		"accepted within the first look": {{door(0), client}, {door(1)}, {door(0)}},
	} {
		n := 0
		err := awaitHandshakes(t.Context(), func() ([]sockets.Socket, error) { n++; return looks[n-1], nil })
		if err != nil || n != len(looks) {
			t.Errorf("%s: %d looks of %d, %v", name, n, len(looks), err)
		}
	}
}
