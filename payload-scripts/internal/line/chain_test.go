package line

import (
	"fmt"
	"strings"
	"testing"
)

// chains are the expected ways: stages in their order, a failed step with "!", a process that
// was killed as "|", and the end.
var chains = []struct {
	what string
	script
	want string
}{
	{"all well", script{}, "prepare switch open upgraded"},
	{"refused", script{refuse: true}, "prepare refused"},
	{"refused after a restart that had changed nothing", script{refuse: true, later: true, killIn: "prepare/set aside"}, "prepare | prepare refused"},
	{"refused after packages came early", script{refuse: true, later: true, killIn: "prepare/hook"}, "prepare | prepare undo rolled-back"},
	{"refused after a hook ran", script{refuse: true, later: true, killIn: "prepare/expand"}, "prepare | prepare undo rolled-back"},

	{"prepare fails", fails("prepare/expand", 1), "prepare expand! undo rolled-back"},
	{"switch fails before services are touched", fails("switch/drain", 1), "prepare switch drain! reopen rolled-back"},
	{"switch fails right before the stop", fails("switch/count", 1), "prepare switch count! reopen rolled-back"},
	{"switch fails in the stop", fails("switch/stop", 1), "prepare switch stop! restore serve rolled-back"},
	{"prepare fails in the copy of a store", fails("prepare/copy", 1), "prepare copy! undo rolled-back"},
	{"switch fails before the source is stopped", fails("switch/catch up", 1), "prepare switch catch up! restore serve rolled-back"},
	{"switch fails in the source's stop", fails("switch/stop source", 1), "prepare switch stop source! restore serve rolled-back"},
	{"the source is not what it was", fails("switch/change", 1, "restore/prove", always),
		"prepare switch change! restore prove! restore prove! restore prove! person restore serve rolled-back"},
	{"the early packages fail", fails("prepare/early", 1), "prepare early! undo rolled-back"},
	{"the early packages cannot be removed", fails("prepare/expand", 1, "undo/unearly", always),
		"prepare expand! undo unearly! undo unearly! undo unearly! person undo rolled-back"},
	{"files cannot move", fails("switch/move", 1), "prepare switch move! restore serve rolled-back"},
	{"files cannot move back at once", fails("switch/start", 1, "restore/move back", 1), "prepare switch start! restore move back! restore serve rolled-back"},
	{"switch fails at its end", fails("switch/start", 1), "prepare switch start! restore serve rolled-back"},
	{"open fails once", fails("open/open", 1), "prepare switch open open! open upgraded"},
	{"open fails twice", fails("open/open", 2), "prepare switch open open! open open! open upgraded"},
	{"open fails", fails("open/open", always), "prepare switch open open! open open! open open! person open upgraded"},
	{"undo fails once", fails("prepare/expand", 1, "undo/unhook", 1), "prepare expand! undo unhook! undo rolled-back"},
	{"undo fails", fails("prepare/expand", 1, "undo/unhook", always), "prepare expand! undo unhook! undo unhook! undo unhook! person undo rolled-back"},
	{"reopen fails", fails("switch/shut", 1, "reopen/open", always), "prepare switch shut! reopen open! reopen open! reopen open! person reopen rolled-back"},
	{"restore fails", fails("switch/change", 1, "restore/put back", always),
		"prepare switch change! restore put back! restore put back! restore put back! person restore serve rolled-back"},
	{"serve fails: what was restored is not restored again", fails("switch/change", 1, "serve/tidy", always),
		"prepare switch change! restore serve tidy! serve tidy! serve tidy! person serve rolled-back"},

	{"killed in prepare", script{killIn: "prepare/hook"}, "prepare | prepare switch open upgraded"},
	{"killed in switch before services are touched", script{killIn: "switch/drain"}, "prepare switch | reopen rolled-back"},
	{"killed with the marks made", script{killIn: "switch/count"}, "prepare switch | reopen rolled-back"},
	{"killed in the copy of a store", script{killIn: "prepare/copy"}, "prepare | prepare switch open upgraded"},
	{"killed while the copy is brought up to date", script{killIn: "switch/catch up"}, "prepare switch | restore serve rolled-back"},
	{"killed with the copy in use", script{killIn: "open/forget"}, "prepare switch open | open upgraded"},
	{"killed in switch", script{killIn: "switch/change"}, "prepare switch | restore serve rolled-back"},
	{"killed with some files moved", script{killIn: "switch/migrate"}, "prepare switch | restore serve rolled-back"},
	{"killed as packages go late", script{killIn: "open/erase"}, "prepare switch open | open upgraded"},
	{"killed after the commit", script{killIn: "open/start"}, "prepare switch open | open upgraded"},
	{"killed with the door open", script{killIn: "open/tidy"}, "prepare switch open | open upgraded"},
	{"killed in undo", fails("prepare/expand", 1).killed("undo/unhook"), "prepare expand! undo | undo rolled-back"},
	{"killed in reopen", fails("switch/shut", 1).killed("reopen/unhook"), "prepare switch shut! reopen | reopen rolled-back"},
	{"killed in restore", fails("switch/start", 1).killed("restore/put back"), "prepare switch start! restore | restore serve rolled-back"},
	{"killed before the old door opens", fails("switch/start", 1).killed("serve/start"), "prepare switch start! restore serve | serve rolled-back"},
	{"killed with the old door open", fails("switch/start", 1).killed("serve/tidy"), "prepare switch start! restore serve | serve rolled-back"},
	{"killed by every start", script{killEach: "prepare/check"}, strings.Repeat("prepare | ", 12) + "person prepare switch open upgraded"},
	{"killed by every start after the commit", script{killEach: "open/start"}, "prepare switch " + strings.Repeat("open | ", 12) + "person open upgraded"},

	{"rollback in prepare", script{wishIn: "prepare/hook"}, "prepare undo rolled-back"},
	{"rollback before the last step of prepare", script{wishIn: "prepare/expand"}, "prepare undo rolled-back"},
	{"rollback in the last step of prepare", script{wishIn: "prepare/copy"}, "prepare reopen rolled-back"},
	{"rollback before services are touched", script{wishIn: "switch/shut"}, "prepare switch reopen rolled-back"},
	{"rollback in switch", script{wishIn: "switch/save"}, "prepare switch restore serve rolled-back"},
	{"rollback in the last step before the commit", script{wishIn: "switch/start"}, "prepare switch restore serve rolled-back"},
	{"rollback after the commit", script{wishIn: "open/start"}, "prepare switch open upgraded"},
}

// fails is a script in which steps fail: key, times, key, times...
func fails(keysAndTimes ...any) script {
	s := script{fails: map[string]int{}}
	for i := 0; i < len(keysAndTimes); i += 2 {
		s.fails[keysAndTimes[i].(string)] = keysAndTimes[i+1].(int)
	}
	return s
}

func (s script) killed(in string) script {
	s.killIn = in
	return s
}

// chains goes every expected way.
func (k *walker) chains() {
	for _, c := range chains {
		w := k.try(c.script, "", -1)
		if w == nil {
			return
		}
		if got := strings.Join(w.trace, " "); got != c.want {
			k.err = fmt.Errorf("%s: went %s\n  want %s", c.what, got, c.want)
		}
	}
}

// TestChains holds each way against the table.
func TestChains(t *testing.T) {
	t.Parallel()
	for _, c := range chains {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			w, err := try(transitions(), c.script, "", -1)
			if err != nil {
				t.Error(err)
			}
			if got := strings.Join(w.trace, " "); got != c.want {
				t.Errorf("went %s\nwant %s", got, c.want)
			}
		})
	}
}
