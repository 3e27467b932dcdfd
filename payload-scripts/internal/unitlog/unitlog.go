// Package unitlog hears what a unit of systemd writes after a moment: to a log file of its own, or to the system's journal.
package unitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
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
	f, err := os.Open(l.path)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.NewSectionReader(f, l.at, maxSaid))
	l.at += int64(len(data))
	said := l.rest + string(data)
	l.rest = said[strings.LastIndexByte(said, '\n')+1:]
	l.rest = l.rest[max(0, len(l.rest)-maxSaid):]
	return strings.Contains(said, text), err
}

// journalLines are what the system's journal has of a unit after a cursor. It is asked again and again: who follows it is
// told up to a quarter of a second late, as journald gathers changes for that long before it tells of them.
type journalLines struct{ unit, cursor string }

func (j *journalLines) Heard(ctx context.Context, text string) (bool, error) {
	args := []string{"--unit=" + unit.Name(j.unit), "--output=cat", "--quiet", "--no-pager"}
	if j.cursor != "" {
		args = append(args, "--after-cursor="+j.cursor)
	}
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Args: args, Timeout: 20 * time.Second})
	return strings.Contains(res.Stdout, text), err
}

// Journal is the system's journal from a cursor on.
func Journal(name, cursor string) Log { return &journalLines{name, cursor} }

// Cursor returns where the system's journal ends.
func Cursor(ctx context.Context) (string, error) {
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Args: []string{"--lines=0", "--show-cursor", "--quiet", "--no-pager"}, Timeout: 20 * time.Second})
	if err != nil {
		return "", fmt.Errorf("read the system's journal: %w", err)
	}
	_, cursor, _ := strings.Cut(res.Stdout, "-- cursor: ")
	return strings.TrimSpace(cursor), nil
}
