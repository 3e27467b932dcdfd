// Package ptytest is a terminal for tests, whose screen is kept as a person would see it.
package ptytest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Pty is a terminal whose screen is kept as one would see it.
type Pty struct {
	*testing.T
	master *os.File
	Slave  *os.File // what a program writes to
	gone   chan struct{}

	mu  sync.Mutex
	raw bytes.Buffer
}

// New returns a terminal of a size; it is gone at the test's end.
func New(t *testing.T, width, height uint16) *Pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if number, err = unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &Pty{T: t, master: master, Slave: slave, gone: make(chan struct{})}
	p.Resize(width, height)
	go func() {
		defer close(p.gone)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.raw.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { p.Hangup(); master.Close() }) //nolint:errcheck // a test's own terminal
	return p
}

// Resize gives it another size, as a window that is pulled.
func (p *Pty) Resize(width, height uint16) {
	p.Helper()
	if err := unix.IoctlSetWinsize(int(p.Slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		p.Fatal(err)
	}
}

// Output is what was written to it so far.
func (p *Pty) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

var escape = regexp.MustCompile("^\x1b\\[([0-9]*)([AJm])")

// Screen plays what was written on a screen of a width, and fails on what the view must not use.
func Screen(t *testing.T, written string, width int) []string {
	t.Helper()
	lines, row, col := []string{""}, 0, 0
	for written != "" {
		if m := escape.FindStringSubmatch(written); m != nil {
			switch n, _ := strconv.Atoi(m[1]); m[2] {
			case "A":
				if row -= n; row < 0 {
					t.Fatalf("the cursor goes %d rows above the top", -row)
				}
			case "J":
				lines = append(lines[:row], "")
			}
			written = written[len(m[0]):]
			continue
		}
		c := written[0]
		written = written[1:]
		switch {
		case c == '\r':
			col = 0
		case c == '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		case c < ' ' || c > '~':
			t.Fatalf("the byte %#x is on the terminal", c)
		default:
			if col == width { // it wraps
				if row, col = row+1, 0; row == len(lines) {
					lines = append(lines, "")
				}
			}
			lines[row] = lines[row][:col] + string(c)
			col++
		}
	}
	return lines
}

// Await waits until the screen shows a text.
func (p *Pty) Await(text string) {
	p.Helper()
	for range 6000 {
		if strings.Contains(p.Output(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Fatalf("%q does not come; there is:\n%q", text, p.Output())
}

// Hangup closes the writing side and waits until all that was written has come.
func (p *Pty) Hangup() {
	p.Slave.Close() //nolint:errcheck // a test's own terminal
	<-p.gone
}
