package view

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal is a terminal on which a block of lines is drawn again and again at
// the place where it stands; what is printed above it scrolls away as usual.
type terminal struct {
	file  *os.File
	drawn []string // the block as it stands there
}

// onTerminal returns the terminal that w is, nil when it is none or cannot move its cursor.
func onTerminal(w io.Writer) *terminal {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !isTerminal(f) {
		return nil
	}
	return &terminal{file: f}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// What holds when a terminal does not tell its size, and the least that is used.
const (
	usualWidth, usualHeight = 80, 24
	leastWidth, leastHeight = 10, 2
)

// size is how large a terminal is, in columns and rows.
func size(f *os.File) (width, height int) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return usualWidth, usualHeight
	}
	return max(int(ws.Col), leastWidth), max(int(ws.Row), leastHeight)
}

// draw prints text, which stays, and the block below it in the place of the one before.
func (t *terminal) draw(above string, block []string) error {
	width, height := size(t.file)
	block = block[:min(len(block), height-1)]
	var b strings.Builder
	if rows := t.rows(width); rows > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(min(rows, height-1)) + "A") // up
	}
	b.WriteString("\r\x1b[J") // clear from here to the end
	b.WriteString(above)
	t.drawn = t.drawn[:0]
	for _, line := range block {
		line = fit(line, width-1) // a full line would wrap on some terminals
		t.drawn = append(t.drawn, line)
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(t.file, b.String())
	return err
}

// rows is how many rows the block takes now: lines wrap when the window became narrower.
func (t *terminal) rows(width int) int {
	rows := 0
	for _, line := range t.drawn {
		rows += max(1, (len(line)+width-1)/width)
	}
	return rows
}

// fit cuts a line to a width. Whatever is not plain ASCII becomes a question
// mark: it might be of another width, or mean something to the terminal.
func fit(line string, width int) string {
	var b strings.Builder
	for _, r := range line {
		if r < ' ' || r >= utf8.RuneSelf || r == 0x7f {
			r = '?'
		}
		b.WriteRune(r)
	}
	line = b.String()
	switch {
	case len(line) <= width:
		return line
	case width > 3:
		return line[:width-3] + "..."
	default:
		return line[:width]
	}
}
