// Package idle ends the connections that clients of a server keep for later, right before the server is stopped. A server that
// stops ends them all in a row, a fraction of a millisecond each, and what a client sends meanwhile on one that has yet to be ended
// is lost. Here each is looked at and ended by itself, so that a few microseconds are left for a request to cross its end.
package idle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Quiet is how long nothing has come or gone on a connection that is taken for idle. An answer that is sent bit by bit may pause; one
// that pauses for longer seldom ends in the moment that the server would have left it.
const Quiet = time.Second

// End ends the idle connections of a systemd unit's processes to these ports: those on which the server was the last to say something, where
// nothing has come or gone for quiet, and nothing waits to be read or acknowledged. It returns how many. Sockets are reached by
// pidfd_getfd(2), of Linux 5.6 and later.
func End(unit string, ports []uint16, quiet time.Duration) (ended int, err error) {
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range all {
		groups, err := os.ReadFile(dir + "/cgroup")
		if err != nil || !in(unit, string(groups)) { // it has ended, or is another's
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return ended, err
		}
		n, err := endOf(pid, ports, quiet)
		ended += n
		if err != nil {
			return ended, fmt.Errorf("end the idle connections of process %d of %s: %w", pid, unit, err)
		}
	}
	return ended, nil
}

// in reports whether a process with these control groups (cgroups(7), /proc/PID/cgroup) belongs to a unit, by its full name.
func in(unit, groups string) bool {
	for line := range strings.Lines(groups) {
		if slices.Contains(strings.Split(strings.TrimSpace(line), "/"), unit) {
			return true
		}
	}
	return false
}

func endOf(pid int, ports []uint16, quiet time.Duration) (ended int, err error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, gone(err)
	}
	defer unix.Close(process) //nolint:errcheck // nothing was written
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, gone(err)
	}
	for _, f := range files {
		if to, err := os.Readlink(dir + "/" + f.Name()); err != nil || !strings.HasPrefix(to, "socket:") {
			continue
		}
		n, err := strconv.Atoi(f.Name())
		if err != nil {
			return ended, err
		}
		socket, err := unix.PidfdGetfd(process, n, 0)
		if errors.Is(err, unix.EBADF) { // closed meanwhile
			continue
		}
		if err != nil {
			return ended, gone(err)
		}
		if onPort(socket, ports) && isIdle(socket, quiet) {
			if err := unix.Shutdown(socket, unix.SHUT_RDWR); err == nil { // otherwise the client was first
				ended++
			}
		}
		_ = unix.Close(socket) // soon: a socket is closed when nobody has it any more
	}
	return ended, nil
}

// gone has no error for a process that has ended.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func onPort(socket int, ports []uint16) bool {
	at, err := unix.Getsockname(socket)
	if err != nil {
		return false
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return slices.Contains(ports, uint16(at.Port))
	case *unix.SockaddrInet6:
		return slices.Contains(ports, uint16(at.Port))
	}
	return false
}

// established is a socket's state in tcp_info (TCP_ESTABLISHED).
const established = 1

// isIdle is asked right before the end: the look at what waits to be read comes last.
func isIdle(socket int, quiet time.Duration) bool {
	is, err := unix.GetsockoptTCPInfo(socket, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || is.State != established || is.Unacked > 0 || is.Notsent_bytes > 0 || asked(is) || time.Duration(is.Last_data_sent)*time.Millisecond < quiet {
		return false
	}
	waits, err := unix.IoctlGetInt(socket, unix.SIOCINQ)
	return err == nil && waits == 0
}

// asked reports whether the client may have said the last word. Times in tcp_info are of the kernel's clock, some milliseconds each: of
// words that have the same, the server's was the last if the client has acknowledged it later than its own came.
func asked(is *unix.TCPInfo) bool {
	if is.Last_data_sent != is.Last_data_recv {
		return is.Last_data_sent > is.Last_data_recv
	}
	return is.Bytes_received > 0 && is.Last_ack_recv >= is.Last_data_recv
}
