package hold

import (
	"net"
	"slices"
	"testing"
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
