// Package progress tells other processes how far the step under way is, through
// a small file in memory. It is for people who look: nothing depends on it, a
// write that fails is not told, and it is gone after a reboot. What must be known
// again stands in the journal.
package progress

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// every is the least time between two writes.
const every = 200 * time.Millisecond

// Note is how far a step is.
type Note struct {
	ID    string    `json:"id"`              // the attempt
	Step  string    `json:"step"`            // the step under way
	What  string    `json:"what"`            // what it works on, e.g. a package or a path
	Done  int64     `json:"done"`            // of Total, in Unit
	Total int64     `json:"total,omitempty"` // 0 when it is not known
	Unit  string    `json:"unit"`            // rows, bytes or percent
	At    time.Time `json:"at"`
}

// Writer writes the notes of one attempt. A nil Writer writes nothing. Its
// methods may be called from several goroutines.
type Writer struct {
	path, id string

	mu   sync.Mutex
	step string
	last time.Time
}

// NewWriter returns a writer to path for an attempt.
func NewWriter(path, id string) *Writer { return &Writer{path: path, id: id} }

// Step notes that a step begins: what was told of the one before is gone.
func (w *Writer) Step(name string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.step, w.last = name, time.Time{}
	_ = os.Remove(w.path)
}

// Tell notes how far the step is. Most notes are dropped: at most five a second are written.
func (w *Writer) Tell(what string, done, total int64, unit string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.last) < every {
		return
	}
	w.last = now
	data, err := json.Marshal(Note{ID: w.id, Step: w.step, What: what, Done: done, Total: total, Unit: unit, At: now.UTC()})
	if err == nil {
		write(w.path, data)
	}
}

// write replaces the file as one step, so that a reader sees a whole note.
func write(path string, data []byte) {
	if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	tmp := path + "~"
	if os.WriteFile(tmp, data, 0o600) == nil {
		_ = os.Rename(tmp, path)
	}
}

// maxNote bounds what is read of a note, in bytes.
const maxNote = 64 << 10

// Read returns the note on an attempt's step, with false when there is none.
func Read(path, id, step string) (Note, bool) {
	var n Note
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxNote {
		return n, false
	}
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &n) != nil {
		return Note{}, false
	}
	return n, n.ID == id && n.Step == step
}
