package programs

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keeperName is what a keeper has for its first argument, by which this program knows that it is one, and people do.
const keeperName = "upgrade-keeper"

// A keeper's files besides its program's three.
const (
	controlFile = 3 // it is at its end when the program has to end: its time is over, or the engine is gone
	reportFile  = 4 // lines of what became of the program
)

// What a keeper reports, a word and its values in a line. One of the last four comes last.
const (
	saysBegan  = "began"  // PID: of the program
	saysLeft   = "left"   // PID NAME: the program has ended and left this process, which is ended now
	saysStuck  = "stuck"  // PID NAME: a process that cannot be ended
	saysExit   = "exit"   // STATUS: the program ended
	saysSignal = "signal" // NUMBER: the program was ended by somebody else
	saysEnded  = "ended"  // the program was ended by the keeper
	saysNot    = "not"    // ERRNO: the program could not be started
)

const (
	endLimit = 10 * time.Second       // for ended processes to be gone
	endEvery = 2 * time.Millisecond   // between two looks at what is there
	lastWord = 200 * time.Millisecond // for children of a program that has ended: the tail of a pipe writes out what it was told
)

// init makes this process a keeper when it was started as one. Done here, it holds for every program that this package is
// in, and nothing else of the program has begun.
func init() {
	if len(os.Args) > 2 && os.Args[0] == keeperName {
		keep(os.Args[1], os.Args[2:])
		os.Exit(0)
	}
}

// keep runs a program and ends all that has come of it.
//
// The keeper is a subreaper (PR_SET_CHILD_SUBREAPER): whatever is orphaned below it becomes its child, so all that ever
// came of the program is below it in the tree of processes, and it has no child left exactly when nothing of that is left.
// A process cannot leave that tree, whatever else becomes of it. It can leave everything else by which it could be known,
// and does: su -l and runuser -l clear the environment, setsid makes another session and process group, and pam_systemd has
// logind move the process out of its control group into a session's, as systemd-run
// --scope does. A PID namespace would end as a whole, but pidfiles and what the program tells systemd would not be true in
// it. Nothing here asks systemd, which may not answer in the middle of an upgrade, nor a control group, of which there are
// three kinds of hierarchy.
func keep(path string, argv []string) {
	report := os.NewFile(reportFile, "report")
	control := os.NewFile(controlFile, "control")
	unix.CloseOnExec(controlFile)
	unix.CloseOnExec(reportFile)
	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		_, _ = control.Read(make([]byte, 1)) // nothing is ever written
		over <- syscall.SIGTERM
	}()
	child, err := start(path, argv)
	if errno := syscall.EINVAL; err != nil {
		errors.As(err, &errno)
		tell(report, saysNot, int(errno))
		return
	}
	tell(report, saysBegan, child)
	ended, none := reap(child)
	var status syscall.WaitStatus
	select {
	case <-over:
		end(report, false, none)
		tell(report, saysEnded)
		return
	case status = <-ended:
	}
	select {
	case <-none:
	case <-over:
	case <-time.After(lastWord):
	}
	end(report, true, none)
	if status.Signaled() {
		tell(report, saysSignal, int(status.Signal()))
	} else {
		tell(report, saysExit, status.ExitStatus())
	}
}

func start(path string, argv []string) (int, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}})
}

// reap waits for all children of this process, its own and the orphans: ended has how the first one ended, and none is
// closed once there are none.
func reap(first int) (ended chan syscall.WaitStatus, none chan struct{}) {
	ended, none = make(chan syscall.WaitStatus, 1), make(chan struct{})
	go func() {
		defer close(none)
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, 0, nil)
			switch {
			case err == syscall.EINTR:
			case err != nil: // ECHILD
				return
			case pid == first:
				ended <- status
			}
		}
	}()
	return ended, none
}

// end ends all that is below this process, until nothing is.
func end(report *os.File, left bool, none chan struct{}) {
	told := map[int]bool{}
	for deadline := time.Now().Add(endLimit); ; {
		select {
		case <-none:
			return
		default:
		}
		below := Descendants(os.Getpid())
		for _, p := range below {
			if left && !told[p.PID] {
				tell(report, saysLeft, p.PID, p.Name)
			}
			told[p.PID] = true
			_ = syscall.Kill(p.PID, syscall.SIGKILL) // it may have ended
		}
		if time.Now().After(deadline) {
			for _, p := range below {
				tell(report, saysStuck, p.PID, p.Name)
			}
			if len(below) == 0 {
				tell(report, saysStuck, 0, "that nothing shows")
			}
			return
		}
		select {
		case <-none:
		case <-time.After(endEvery):
		}
	}
}

// tell writes a line to the engine, which may be gone.
func tell(report *os.File, words ...any) { _, _ = fmt.Fprintln(report, words...) }

// IsKeeper reports whether a process is a keeper.
func IsKeeper(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && len(text) > len(keeperName) && string(text[:len(keeperName)+1]) == keeperName+"\x00"
}
