package command

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/journal"
	"onerpm/payload-scripts/internal/progress"
)

// pty is a terminal whose screen is kept as one would see it.
type pty struct {
	*testing.T
	master, slave *os.File
	gone          chan struct{}

	mu  sync.Mutex
	raw bytes.Buffer
}

// TestMain gives the tests the same terminal wherever they are run.
func TestMain(m *testing.M) {
	for key, value := range map[string]string{"TERM": "xterm", "NO_COLOR": ""} {
		if err := os.Setenv(key, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func newPty(t *testing.T, width, height uint16) *pty {
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
	p := &pty{T: t, master: master, slave: slave, gone: make(chan struct{})}
	p.resize(width, height)
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
	t.Cleanup(func() { slave.Close(); <-p.gone; master.Close() })
	return p
}

func (p *pty) resize(width, height uint16) {
	p.Helper()
	if err := unix.IoctlSetWinsize(int(p.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		p.Fatal(err)
	}
}

func (p *pty) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.raw.String()
}

var escape = regexp.MustCompile("^\x1b\\[([0-9]*)([AJ])")

// screen plays what was written on a screen of a width, and fails on what the view must not use.
func screen(t *testing.T, written string, width int) []string {
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

// await waits until the screen shows a text.
func (p *pty) await(text string) {
	p.Helper()
	for range 6000 {
		if strings.Contains(p.output(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Fatalf("%q does not come; there is:\n%q", text, p.output())
}

// TestLive follows an attempt that goes on, on a terminal.
func TestLive(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(id, func(r *journal.Record) { r.Began = time.Now() })
	j, err := journal.Open(a.Var)
	if err != nil {
		t.Fatal(err)
	}
	p := newPty(t, 70, 20)
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), w.bundle, nil, []string{"status", "--follow"}, p.slave, p.slave)
	}()
	p.await("[>] prepare  [ ] switch  [ ] open  to 4.2.0")
	end, err := j.Begin(journal.Preparing, "preflight")
	if err != nil {
		t.Fatal(err)
	}
	p.await(" preflight   ")
	if err := end(nil); err != nil {
		t.Fatal(err)
	}
	p.await("+ prepare  preflight")
	if err := j.Update(func(r *journal.Record) { r.Phase, r.Closed = journal.Switching, time.Now() }); err != nil {
		t.Fatal(err)
	}
	if end, err = j.Begin(journal.Switching, "packages to new"); err != nil {
		t.Fatal(err)
	}
	told := progress.NewWriter(w.bundle.Places().Progress(), id)
	told.Step("packages to new")
	told.Tell("rpm: cloudify-rest-service-4.2.0\x1b[2Jga", 50, 100, "percent")
	p.await("[x] prepare  [>] switch  [ ] open")
	p.await("(limit 1m0s)")
	p.await("[##########----------] 50% rpm: cloudify-rest-service-4.2.0?[2Jga")
	if err := end(nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Update(upgraded); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	p.await("a lock\r\n")
	got := strings.Join(screen(t, p.output(), 70), "\n")
	contains(t, got, "+ prepare  preflight", "done: Product is 4.2.0")
	if strings.Contains(got, "[x] prepare") {
		t.Errorf("the live view is left behind:\n%s", got)
	}
}

// TestLiveFits draws on terminals of many sizes, and on one that is resized.
func TestLiveFits(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	rec := journal.Record{ID: id, From: "4.1.1", To: "4.2.0", Began: now.Add(-90 * time.Second), Phase: journal.Preparing, Closed: now,
		Steps: []journal.Step{{Phase: journal.Preparing, Name: "expand the schema", Began: now}}}
	told := progress.NewWriter(w.bundle.Places().Progress(), id)
	told.Step("expand the schema")
	told.Tell("fill events", 1000, 4000, "rows")
	e := &env{bundle: w.bundle}
	block := e.block(rec, w.bundle.Places().Progress(), now)
	contains(t, strings.Join(block, "\n"), "1m30s", "[#####---------------] 1000 rows of 4000 rows fill events")
	for _, width := range []uint16{1, 10, 11, 20, 40, 79, 80, 300} {
		p := newPty(t, width, 24)
		term := onTerminal(p.slave)
		for range 3 {
			if err := term.draw("above\n", block); err != nil {
				t.Fatal(err)
			}
		}
		p.slave.Close()
		<-p.gone
		lines := screen(t, p.output(), max(int(width), leastWidth))
		if len(lines) != 3+len(block)+1 {
			t.Errorf("width %d: %d lines on the screen: %q", width, len(lines), lines)
		}
	}
	p := newPty(t, 80, 3)
	term := onTerminal(p.slave)
	for range 2 {
		if err := term.draw("", block); err != nil || len(term.drawn) != 2 {
			t.Fatalf("%v: %d lines on a terminal of 3", err, len(term.drawn))
		}
	}
	p.resize(20, 24) // two lines of up to 79 now take up to 4 rows each
	if got, want := term.rows(20), (len(term.drawn[0])+19)/20+(len(term.drawn[1])+19)/20; got != want || got < 3 {
		t.Errorf("%d rows, want %d", got, want)
	}
}

// TestCtrlC ends the view, not the upgrade.
func TestCtrlC(t *testing.T) {
	w := newWorld(t)
	w.attempt(id, func(*journal.Record) {})
	p := newPty(t, 80, 24)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- run(ctx, w.bundle, nil, []string{"status", "--follow"}, p.slave, p.slave) }()
	p.await("about to begin")
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	p.await("the upgrade goes on; follow it again: p status --follow")
}

// TestPlain holds that nothing but lines comes where the output is no terminal, or is not to be used as one.
func TestPlain(t *testing.T) {
	w := anotherWorld(t) // the environment belongs to the whole process
	w.attempt(id, upgraded)
	for _, name := range []string{"", "NO_COLOR=1", "TERM=dumb"} {
		t.Run(name, func(t *testing.T) {
			p := newPty(t, 30, 10)
			out := p.slave
			if key, value, set := strings.Cut(name, "="); set {
				t.Setenv(key, value)
			} else {
				file, err := os.Create(t.TempDir() + "/out")
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				out = file
			}
			if onTerminal(out) != nil {
				t.Error("it is used as a terminal")
			}
			w := &world{T: t, root: w.root, bundle: w.bundle}
			text, _ := w.run(0, "status", "--follow")
			if strings.Contains(text, "\x1b") || !strings.Contains(text, "+ prepare  preflight") {
				t.Errorf("%q", text)
			}
		})
	}
}
