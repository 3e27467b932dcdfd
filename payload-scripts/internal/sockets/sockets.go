// Package sockets reads the kernel's tables of TCP sockets, /proc/net/tcp and /proc/net/tcp6 (proc(5)), of the network
// namespace of the calling process.
package sockets

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// State is one of a socket, as the tables have it (include/net/tcp_states.h of the kernel).
type State string

// States that are asked for.
const (
	Established State = "01"
	Handshake   State = "03" // TCP_SYN_RECV: its third packet has yet to come
	Listens     State = "0A"
)

// Socket is one line of a table.
type Socket struct {
	State         State
	Local, Remote netip.AddrPort
	Queue         uint64 // bytes that nobody has read yet; of one that listens, connections that nobody has accepted yet
}

// In returns the sockets of these states, of both families. It is a look at every connection that the kernel could have: 5 ms and more
// for each family.
func In(states ...State) (all []Socket, err error) {
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if errors.Is(err, os.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		all, err = read(f, states, all)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return all, nil
}

// read adds those of one table: "sl local_address rem_address st tx_queue:rx_queue ...".
func read(from io.Reader, states []State, all []Socket) ([]Socket, error) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || !slices.Contains(states, State(fields[3])) {
			continue
		}
		local, err := address(fields[1])
		remote, remoteErr := address(fields[2])
		_, digits, _ := strings.Cut(fields[4], ":")
		queue, queueErr := strconv.ParseUint(digits, 16, 64)
		if err = errors.Join(err, remoteErr, queueErr); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		all = append(all, Socket{State(fields[3]), local, remote, queue})
	}
	return all, lines.Err()
}

// address reads ADDRESS:PORT in hexadecimal digits. The address is words of 32 bits in the byte order of the machine. One of
// IPv4 that a socket of IPv6 has is given as IPv4's.
func address(text string) (netip.AddrPort, error) {
	words, digits, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var raw []byte
	for ; len(words) >= 8; words = words[8:] {
		word, err := strconv.ParseUint(words[:8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, err
		}
		raw = binary.NativeEndian.AppendUint32(raw, uint32(word))
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok || words != "" {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
}
