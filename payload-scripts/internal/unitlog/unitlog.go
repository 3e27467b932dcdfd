// Package unitlog hears what a unit of systemd writes after a moment: to a log file of its own, or to the system's journal.
package unitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/programs"
)

// maxSaid bounds what is read of a file at once, in bytes.
const maxSaid = 1 << 20

// Log is what is written from some moment on.
type Log interface {
	// Heard reads on, and reports whether a line had the text.
	Heard(ctx context.Context, text string) (bool, error)
}

// logFile is a log from a place on, which may be moved away and begun anew meanwhile, as logrotate does.
type logFile struct {
	path string
	file os.FileInfo // nil before there is one
	at   int64
	rest string // of a line whose end was not there yet
}

// File is a log file from its end on. It need not be there yet.
func File(path string) (Log, error) {
	l := &logFile{path: path}
	info, err := os.Stat(path)
	if err == nil {
		l.file, l.at = info, info.Size()
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return l, nil
}

// Heard reads what was written since; a half line is kept for the next time.
func (l *logFile) Heard(_ context.Context, text string) (bool, error) {
	info, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s is no file", l.path)
	}
	if l.file == nil || !os.SameFile(l.file, info) || info.Size() < l.at {
		l.file, l.at, l.rest = info, 0, ""
	}
	if info.Size() == l.at {
		return false, nil
	}
	// Its folder may be another user's, who can put something else there since the look: a pipe would be waited for.
	f, err := os.OpenFile(l.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	if now, err := f.Stat(); err != nil || !os.SameFile(now, info) {
		return false, err // the next look tells
	}
	data, err := io.ReadAll(io.NewSectionReader(f, l.at, maxSaid))
	l.at += int64(len(data))
	said := l.rest + string(data)
	l.rest = said[strings.LastIndexByte(said, '\n')+1:]
	l.rest = l.rest[max(0, len(l.rest)-maxSaid):]
	return strings.Contains(said, text), err
}

// journalLines are what the system's journal has of a unit after a cursor; all of it when there is none. It is asked again and
// again: who follows it is told up to a quarter of a second late, as journald gathers changes for that long before it
// tells of them.
type journalLines struct{ unit, cursor string }

// Journal is what the system's journal will have of a unit.
func Journal(ctx context.Context, name string) (Log, error) {
	j := &journalLines{unit: unit.Name(name)}
	said, err := j.ask(ctx, "--lines=1", "--show-cursor")
	if err != nil {
		return nil, err
	}
	// The cursor is of an entry of this very unit: after one of another unit, journalctl leaves out the first entry
	// that the unit has (found with systemd 252).
	_, cursor, _ := strings.Cut(said, "-- cursor: ")
	j.cursor = strings.TrimSpace(cursor)
	return j, nil
}

// Heard asks for all that came since the cursor.
func (j *journalLines) Heard(ctx context.Context, text string) (bool, error) {
	var args []string
	if j.cursor != "" {
		args = []string{"--after-cursor=" + j.cursor}
	}
	said, err := j.ask(ctx, args...)
	return strings.Contains(said, text), err
}

func (j *journalLines) ask(ctx context.Context, more ...string) (string, error) {
	args := append([]string{"--unit=" + j.unit, "--output=cat", "--quiet", "--no-pager"}, more...)
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Args: args, Timeout: 20 * time.Second})
	if err != nil {
		return "", fmt.Errorf("read the system's journal of %s: %w", j.unit, err)
	}
	return res.Stdout, nil
}
