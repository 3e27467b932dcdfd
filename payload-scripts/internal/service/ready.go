package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/unit"
	"onerpm/payload-scripts/internal/programs"
	"onerpm/payload-scripts/internal/systemd"
)

// maxSaid bounds what is read of a log at once, in bytes.
const maxSaid = 1 << 20

// lines are what a unit writes after a moment before its start.
type lines interface {
	// heard reads on, and reports whether a line had the text.
	heard(ctx context.Context, text string) (bool, error)
}

// listen begins to listen to what a unit will say. A unit that says nothing has none.
func (s *Services) listen(u manifest.Service) (lines, error) {
	switch {
	case u.Ready == nil:
		return nil, nil
	case u.Ready.File != "":
		return openFile(s.places.Root + u.Ready.File)
	}
	return &journalLines{u.Unit, s.cursor}, nil
}

// awaitReady waits until the unit is active and has said that it is ready, at the latest until within has passed.
func (s *Services) awaitReady(ctx context.Context, u manifest.Service, side manifest.Side, said lines) error {
	text := u.Ready.Says
	if side == manifest.Old && u.Ready.Old != "" {
		text = u.Ready.Old
	}
	began := time.Now()
	deadline := began.Add(u.Ready.Within.D())
	for {
		ready, err := said.heard(ctx, text)
		if err != nil {
			return fmt.Errorf("hear when %s is ready: %w", u.Unit, err)
		}
		state, err := s.systemd.Active(ctx, u.Unit)
		switch {
		case err != nil:
			return err
		case systemd.Down(state):
			return fmt.Errorf("start %s: it is %s", u.Unit, state)
		case ready && systemd.Serves(state):
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%s has not said %q within %s of its start", u.Unit, text, u.Ready.Within.D())
		}
		if err := pause(ctx, began); err != nil {
			return err
		}
	}
}

// logFile is a log from a place on, which may be moved away and begun anew meanwhile, as logrotate does.
type logFile struct {
	path string
	file os.FileInfo // nil before there is one
	at   int64
	rest string // of a line whose end was not there yet
}

func openFile(path string) (lines, error) {
	l := &logFile{path: path}
	info, err := os.Stat(path)
	if err == nil {
		l.file, l.at = info, info.Size()
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return l, nil
}

func (l *logFile) heard(_ context.Context, text string) (bool, error) {
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

func (j *journalLines) heard(ctx context.Context, text string) (bool, error) {
	args := []string{"--unit=" + unit.Name(j.unit), "--output=cat", "--quiet", "--no-pager"}
	if j.cursor != "" {
		args = append(args, "--after-cursor="+j.cursor)
	}
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Args: args, Timeout: 20 * time.Second})
	return strings.Contains(res.Stdout, text), err
}

// readCursor notes where the system's journal ends, for what units say from now on.
func (s *Services) readCursor(ctx context.Context) error {
	res, err := programs.Run(ctx, programs.Cmd{Name: "journalctl", Args: []string{"--lines=0", "--show-cursor", "--quiet", "--no-pager"}, Timeout: 20 * time.Second})
	if err != nil {
		return fmt.Errorf("read the system's journal: %w", err)
	}
	_, after, _ := strings.Cut(res.Stdout, "-- cursor: ")
	s.cursor = strings.TrimSpace(after)
	return nil
}
