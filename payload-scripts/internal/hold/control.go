package hold

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"onerpm/payload-scripts/internal/relay"
)

// The relay is asked over a socket of root's: one line in, "status", "hold" or "release", one line of JSON out.

// askWait bounds one question to the relay.
const askWait = 5 * time.Second

// maxLine bounds what is read of a question or an answer.
const maxLine = 64 << 10

func (h Hold) ask(what string) (s Status, err error) {
	conn, err := net.DialTimeout("unix", h.Places.HoldSocket(), askWait)
	if err != nil {
		return s, err
	}
	defer conn.Close() //nolint:errcheck // its answer is here by then
	if err := conn.SetDeadline(time.Now().Add(askWait)); err != nil {
		return s, err
	}
	if _, err := fmt.Fprintln(conn, what); err != nil {
		return s, fmt.Errorf("ask the relay: %w", err)
	}
	if err := json.NewDecoder(bufio.NewReaderSize(conn, maxLine)).Decode(&s); err != nil {
		return s, fmt.Errorf("ask the relay: %w", err)
	}
	return s, nil
}

// notThere reports whether nobody listens on the relay's socket.
func notThere(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// answer answers questions until the listener is closed.
func answer(l net.Listener, r *relay.Relay, port uint16, ports []uint16) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(askWait))
		line, _ := bufio.NewReaderSize(conn, 128).ReadSlice('\n')
		switch strings.TrimSpace(string(line)) {
		case "hold":
			if !r.Hold() { // no answer says that it ends
				_ = conn.Close()
				continue
			}
		case "release":
			r.Release()
		}
		_ = json.NewEncoder(conn).Encode(Status{r.Status(), port, ports})
		_ = conn.Close()
	}
}

// listenPrivately opens the socket, which root alone may use, in place of one that a killed relay has left.
func listenPrivately(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	usual := syscall.Umask(0o177)
	defer syscall.Umask(usual)
	return net.Listen("unix", path)
}
