package hold

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// listens is the state of a listening socket in /proc/net/tcp (TCP_LISTEN of the kernel).
const listens = "0A"

// Listening returns those of the ports on which somebody listens. Clients of the others are turned away now, and are to be in
// the window.
func Listening(ports []uint16) ([]uint16, error) {
	there := map[uint16]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if os.IsNotExist(err) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("see who listens: %w", err)
		}
		err = listeners(bufio.NewScanner(f), there)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("see who listens: %s: %w", file, err)
		}
	}
	return slices.DeleteFunc(slices.Clone(ports), func(p uint16) bool { return !there[p] }), nil
}

// listeners notes the ports of a table: "sl local_address rem_address st ...", addresses as hexadecimal ADDRESS:PORT.
func listeners(lines *bufio.Scanner, there map[uint16]bool) error {
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listens {
			continue
		}
		_, port, _ := strings.Cut(fields[1], ":")
		n, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		there[uint16(n)] = true
	}
	return lines.Err()
}
