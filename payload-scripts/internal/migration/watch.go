package migration

import (
	"context"
	"log/slog"
	"sync"

	"onerpm/payload-scripts/internal/database"
)

// watch listens to goose's log, which names each statement before it runs, to
// know which one failed.
type watch struct {
	mu    sync.Mutex
	count int
	text  string
}

func (w *watch) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count, w.text = 0, ""
}

// last returns the statement that was started last: which of its file, from 1,
// and its text, shortened; 0 and "" when none was.
func (w *watch) last() (int, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count, database.Short(w.text)
}

// Enabled implements slog.Handler.
func (w *watch) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (w *watch) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "statement" {
			return true
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.count++
		w.text = a.Value.String()
		return false
	})
	return nil
}

// WithAttrs implements slog.Handler.
func (w *watch) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup implements slog.Handler.
func (w *watch) WithGroup(string) slog.Handler { return w }
