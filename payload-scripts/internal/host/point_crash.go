//go:build crashpoints

package host

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
)

// crashDir is where a test says what is wanted and reads what happened. It lies
// in memory: a power cut ends it.
//
//	trace    when it exists, each point is appended to it: phase, step, call, what, nth; separated by tabs
//	die-at   the point to die at, as such a line
//	here     written at that point by an engine that then stands still, for the test to kill it or to cut the power
const crashDir = "/run/onerpm-crash"

var points struct {
	mu    sync.Mutex
	where string // phase and step
	seen  map[string]int
}

// changing is what differs from one run to the next in what a call is about: an attempt's name, the random end of a
// temporary folder's (os.MkdirTemp), with the process before it or not, the day of an index, a place in systemd's journal.
var changing = regexp.MustCompile(`\d+(?:\.\d+)+-\d+-\d{8}T\d{6}\.\d{3}Z|(-\d+)?-\d{6,}|/proc/\S+|\d{4}\.\d\d\.\d\d|\bs=[0-9a-f]{32};\S+`)

// steady makes of what a call is about a part of its name: the same in every run, and another one for each thing, so that
// calls made side by side keep their names whichever comes first.
func steady(what string) string {
	what = changing.ReplaceAllString(strings.Join(strings.Fields(what), " "), "*")
	if len(what) > 80 {
		sum := sha256.Sum256([]byte(what))
		what = fmt.Sprintf("%s... %x", strings.ToValidUTF8(what[:68], ""), sum[:4])
	}
	return what
}

// Enter names the step that the points after it belong to.
func Enter(phase, step string) {
	points.mu.Lock()
	defer points.mu.Unlock()
	points.where = phase + "\t" + step
}

// Point counts a call, and dies at it if that is what the test wants.
func Point(call, what string) {
	starts := len(os.Args) > 1 && (os.Args[1] == "start" || os.Args[1] == "installed") // a person's command, or %posttrans'
	if !starts && (len(os.Args) < 2 || os.Args[1] != "run") || strings.HasPrefix(what, "/run/") {
		return // what is in memory a crash takes along
	}
	points.mu.Lock()
	defer points.mu.Unlock()
	if starts {
		points.where = "start\t-"
	}
	if points.seen == nil {
		points.seen = map[string]int{}
	}
	key := points.where + "\t" + call + "\t" + steady(what)
	points.seen[key]++
	name := fmt.Sprintf("%s\t%d", key, points.seen[key])
	if f, err := os.OpenFile(filepath.Join(crashDir, "trace"), os.O_WRONLY|os.O_APPEND, 0); err == nil {
		_, _ = f.WriteString(name + "\n")
		_ = f.Close()
	}
	wanted, err := os.ReadFile(filepath.Join(crashDir, "die-at"))
	if err != nil {
		return
	}
	if strings.TrimSpace(string(wanted)) != name {
		return
	}
	if err := os.Remove(filepath.Join(crashDir, "die-at")); err != nil {
		return
	}
	if err := os.WriteFile(filepath.Join(crashDir, "here"), []byte(name), 0o600); err != nil {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {} // the signal ends or stops every thread
}
