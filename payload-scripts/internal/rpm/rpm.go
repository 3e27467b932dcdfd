// Package rpm runs rpm on a host: it asks its database, waits for its lock, runs
// its transactions and judges how they ended. It knows packages, and nothing of
// releases or manifests.
//
// It promises that rpm is never killed once it changes the host, and outlives the
// engine; that a transaction whose end nobody saw is known as such; and that a
// question, and a trial on a copy of the database, change nothing.
package rpm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// questionTimeout ends a question to rpm that hangs on a damaged database. A
// question changes nothing: it may be killed.
const questionTimeout = 2 * time.Minute

// Host is rpm on a host. Its methods may be called by several goroutines, but
// for Run, which is called by one at a time.
type Host struct {
	Root     string        // "" is the host itself; rpm's --root otherwise
	LockWait time.Duration // longest wait for rpm's lock; 5 minutes when 0

	mu     sync.Mutex
	dbpath string   // once it was asked for
	quiet  []string // likewise, see WithoutScriptlets
	held   *os.File // rpm's lock file while Hold has it locked, nil otherwise
}

// Path returns where a path of the host is, as seen from outside Root.
func (h *Host) Path(path string) string { return filepath.Join("/", h.Root, path) }

// DB is the host's database.
func (h *Host) DB() DB { return DB{global: h.args()} }

// args returns the arguments that every call of rpm begins with.
func (h *Host) args() []string {
	if h.Root == "" {
		return nil
	}
	return []string{"--root", h.Root}
}

// DBPath returns the folder of rpm's database, as seen from outside Root.
func (h *Host) DBPath(ctx context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dbpath != "" {
		return h.dbpath, nil
	}
	path, err := Eval(ctx, "%{_dbpath}")
	if err != nil {
		return "", fmt.Errorf("ask rpm where its database is: %w", err)
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("rpm says its database is in %q, which is no path", path)
	}
	h.dbpath = h.Path(path)
	return h.dbpath, nil
}

// Eval returns what rpm makes of an expression of macros.
func Eval(ctx context.Context, expression string) (string, error) {
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: []string{"--eval", expression}, Timeout: questionTimeout})
	return strings.TrimSpace(res.Stdout), err
}

// join returns the lists as one, which shares memory with none of them.
func join(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
