package hold

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// States of sockets in /proc/net/tcp (include/net/tcp_states.h of the kernel).
const (
	established = "01"
	listens     = "0A"
)

// Listening returns those of the ports on which somebody listens. Clients of the others are turned away now, and are to be in
// the window.
func Listening(ports []uint16) ([]uint16, error) {
	there, err := sockets(listens)
	if err != nil {
		return nil, fmt.Errorf("see who listens: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(ports), func(p uint16) bool { return there[p] == 0 }), nil
}

// Connections is how many connections to the ports stand.
func Connections(ports []uint16) (n int, err error) {
	there, err := sockets(established)
	if err != nil {
		return 0, fmt.Errorf("see who is connected: %w", err)
	}
	for _, p := range slices.Compact(slices.Sorted(slices.Values(ports))) {
		n += there[p]
	}
	return n, nil
}

// Cut is how many connections to the door stand: without those of the relay, which have the same ports.
func (h Hold) Cut() (int, error) {
	n, err := Connections(h.Ports)
	if s, askErr := h.Status(); err == nil && askErr == nil {
		n = max(0, n-s.Waiting-s.Passing)
	}
	return n, err
}

// sockets counts those of a state by their own port, of both families.
func sockets(state string) (map[uint16]int, error) {
	there := map[uint16]int{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if os.IsNotExist(err) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		err = count(bufio.NewScanner(f), state, there)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return there, nil
}

// count reads a table: "sl local_address rem_address st ...", addresses as hexadecimal ADDRESS:PORT.
func count(lines *bufio.Scanner, state string, there map[uint16]int) error {
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != state {
			continue
		}
		_, port, _ := strings.Cut(fields[1], ":")
		n, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		there[uint16(n)]++
	}
	return lines.Err()
}
