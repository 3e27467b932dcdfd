package certify

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/internal/manifest"
)

// agentsScript stands for a product's: what it prints lies in files, by what has happened so far.
const agentsScript = `echo $1 >>"$STANDIN/called"
case $1 in
make) cat "$STANDIN/make" ;;
show) cat "$STANDIN/show-$(cat "$STANDIN/phase")" ;;
mend) echo mended >"$STANDIN/phase" ;;
esac
[ ! -e "$STANDIN/$1-fails" ] || { echo "it cannot $1"; exit 3; }
`

// rightAgents is how it goes when all is well, by the stand-in's files: agents a1 and a2 work, b1 fails and c1 vanishes, and b2 and c2
// wait for them. The group of c1 has a blank, and a was asked before.
var rightAgents = map[string]string{
	"make":          "fails b1 b\nvanishes c1 the c\n",
	"show-old":      "old a1 a\nold a2 a\nold b1 b\nold b2 b\nold c1 the c\nold c2 the c\nasked w0 a\n",
	"wait-broken":   "6",
	"code-broken":   "6",
	"record-broken": `{"state": "stopped", "why": "2 groups failed", "groups": [{"name": "a", "state": "upgraded"}, {"name": "b", "state": "failed"}, {"name": "the c", "state": "failed"}]}`,
	"show-broken":   "new a1 a\nnew a2 a\nold b1 b\nold b2 b\nold c1 the c\nnew c2 the c\nasked w0 a\nasked w1 a\nasked w2 b\nasked w3 the c\n",
	"wait-mended":   "0",
	"code-mended":   "0",
	"record-mended": `{"state": "done"}`,
	"show-mended":   "new a1 a\nnew a2 a\nnew b1 b\nnew b2 b\nasked w0 a\nasked w1 a\nasked w2 b\nasked w4 b\n",
}

// withAgents gives the stand-in agents, which go as the files say that differ from rightAgents.
func (s *standIn) withAgents(differ map[string]string) {
	s.t.Helper()
	s.m.Agents = &manifest.Agents{}
	s.o.Checks.Agents = &Script{Check: Check{Name: "agents.sh"}, text: []byte(agentsScript)}
	s.o.Only = []string{WithAgents}
	s.write("phase", "old\n", 0o600)
	for name, text := range rightAgents {
		s.write(name, text, 0o600)
	}
	for name, text := range differ {
		s.write(name, text, 0o600)
	}
}

// TestAgents takes a stand-in through the scenario, and wants each thing that can be wrong to be named.
func TestAgents(t *testing.T) {
	t.Parallel()
	type files = map[string]string
	const (
		done  = `{"state": "done"}`
		stops = "the upgrade says of its agents: 2 groups failed"
	)
	show := func(phase, was, is string) files {
		text := rightAgents["show-"+phase]
		if !strings.Contains(text, was) {
			t.Fatalf("show-%s has no %q", phase, was)
		}
		return files{"show-" + phase: strings.Replace(text, was, is, 1)}
	}
	for name, c := range map[string]struct {
		differ   files
		says     []string // of the reason; nil when it passes
		notReady bool
	}{
		"as it should be": {},

		"told done while some wait": {files{"code-broken": "0", "record-broken": done},
			[]string{"while agents fail: agents wait says that all are upgraded (exit code 0, done), and the product that these are not: b1 of b, b2 of b, c1 of the c",
				"agents wait does not name the group of agent b1 of b, which fails, as one that failed"}, false},
		"done by the record alone": {files{"record-broken": done}, []string{"says that all are upgraded (exit code 6, done)", "b1 of b"}, false},
		"done by the code alone":   {files{"code-broken": "0"}, []string{"says that all are upgraded (exit code 0, stopped)", "c1 of the c"}, false},
		"the upgrade's wait says done": {files{"wait-broken": "0"},
			[]string{"wait says that all is done, and these agents are not upgraded: b1 of b, b2 of b, c1 of the c", stops}, false},
		"another exit code": {files{"code-broken": "1"}, []string{"agents wait ended with exit code 1, want 6"}, false},
		"no record":         {files{"record-broken": "a panic"}, []string{"wait for the agents: exit code 6: a panic"}, false},
		"who failed is not named": {files{"record-broken": `{"state": "stopped", "groups": [{"name": "b", "state": "failed"}, {"name": "the c", "state": "waiting"}]}`},
			[]string{"agents wait does not name the group of agent c1 of the c, which vanishes, as one that failed"}, false},
		"one that works is not upgraded": {show("broken", "new a2 a", "old a2 a"), []string{"agent a2 of a works and is not upgraded", stops}, false},
		"one that works is gone":         {show("broken", "new a2 a\n", ""), []string{"agent a2 of a is gone: the product does not know it any more"}, false},
		"one that fails is upgraded":     {show("broken", "old b1 b", "new b1 b"), []string{"agent b1 of b was upgraded, and agents.sh says that it fails"}, false},
		"one that vanishes is forgotten": {show("broken", "old c1 the c\n", ""), []string{"agent c1 of the c is gone before agents.sh was told to mend"}, false},
		"asked twice":                    {show("broken", "asked w1 a", "asked w1 a\nasked w9 a"), []string{"the agents of a were asked 2 times, want 1 at most: w1, w9"}, false},
		"no work is shown":               {files{"show-broken": "new a1 a\nnew a2 a\nold b1 b\nold c1 the c\nasked w0 a\n"}, []string{"agents.sh show names no work that was asked for"}, false},
		"it shows what nobody can read":  {files{"show-broken": "upgraded a1 a\n"}, []string{`agents.sh show printed "upgraded a1 a", want lines WORD ID GROUP with one of the words old, new, asked`}, false},

		"they cannot be mended":            {files{"mend-fails": ""}, []string{"agents.sh mend: exit code 3: it cannot mend"}, false},
		"it does not go on":                {files{"resume-fails": ""}, []string{"go on with the agents: exit code 5: no"}, false},
		"it is not done once mended":       {files{"code-mended": "6", "record-mended": `{"state": "stopped", "why": "c does not answer"}`}, []string{"once agents are mended: agents wait ended with exit code 6, stopped, want 0, done", "c does not answer"}, false},
		"its wait never says done":         {files{"wait-mended": "6"}, []string{"wait ended with exit code 6, want 0: the agents are done"}, false},
		"a mended one is not upgraded":     {show("mended", "new b1 b", "old b1 b"), []string{"agent b1 of b works and is not upgraded"}, false},
		"one that works went back":         {show("mended", "new a1 a", "old a1 a"), []string{"agent a1 of a works and is not upgraded"}, false},
		"one that came is not upgraded":    {show("mended", "new a1 a", "new a1 a\nold d1 d"), []string{"agent d1 of d is not upgraded"}, false},
		"one beside it is not upgraded":    {show("mended", "new b2 b", "old b2 b"), []string{"agent b2 of b works and is not upgraded"}, false},
		"one that is left is not upgraded": {show("mended", "new a1 a", "new a1 a\nold c2 the c"), []string{"agent c2 of the c is not upgraded"}, false},
		"a vanished one is not mended":     {show("mended", "new a1 a", "new a1 a\nold c1 the c"), []string{"agent c1 of the c is still there: mend was to have the product forget it"}, false},
		"a mended one is asked thrice":     {show("mended", "asked w4 b", "asked w4 b\nasked w5 b"), []string{"the agents of b were asked 3 times, want 2 at most: w2, w4, w5"}, false},
		"an upgraded one is asked anew":    {show("mended", "asked w1 a", "asked w1 a\nasked w5 a"), []string{"the agents of a were asked 2 times, want 1 at most: w1, w5"}, false},

		"none is made to fail":       {files{"make": "vanishes c1 the c\n"}, []string{`agents.sh make names no agent with "fails"`}, true},
		"none is made to vanish":     {files{"make": "fails b1 b\n"}, []string{`agents.sh make names no agent with "vanishes"`}, true},
		"none works":                 {files{"show-old": "old b1 b\nold c1 the c\n"}, []string{"agents.sh show names no group whose agents all work"}, true},
		"one is not shown":           {show("old", "old b1 b\n", ""), []string{"agents.sh show does not name agent b1 of b, which make does"}, true},
		"one is new before":          {show("old", "old a2 a", "new a2 a"), []string{"agents.sh show says of agent a2 of a that it is new, before the upgrade"}, true},
		"one is shown twice":         {show("old", "old a2 a", "old a1 a"), []string{"agents.sh show names a1 of a twice"}, true},
		"they cannot be made":        {files{"make-fails": ""}, []string{"agents.sh make: exit code 3: fails b1 b"}, true},
		"it makes nobody knows what": {files{"make": "fails b1\n"}, []string{`agents.sh make printed "fails b1", want lines WORD ID GROUP`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.withAgents(c.differ)
			m := s.remote()
			m.Machine.picture = briefPicture
			got, err := Run(t.Context(), s.o.on(m))
			reason := ""
			switch {
			case c.notReady:
				if exit.Code(err) != exit.Machine || got.Scenarios != nil {
					t.Fatalf("the machine is not ready: %+v, %v", got.Scenarios, err)
				}
				reason = err.Error()
			case err != nil || len(got.Scenarios) != 1 || got.Scenarios[0].Name != WithAgents:
				t.Fatalf("%+v, %v", got.Scenarios, err)
			default:
				reason = got.Scenarios[0].Reason
			}
			if (got.Outcome == Passed && err == nil) != (c.says == nil) {
				t.Errorf("%s: %s", got.Outcome, reason)
			}
			for _, want := range c.says {
				if !strings.Contains(reason, want) {
					t.Errorf("it does not say %q:\n%s", want, reason)
				}
			}
			if c.says != nil {
				return
			}
			if n := count(t, filepath.Join(s.dir, "called")); n != 5 {
				t.Errorf("the script was called %d times, want make, mend and three times show", n)
			}
		})
	}
}

// TestWithoutAgents: a jump without agents has no such scenario, and one without a script is told so; who asks for it by its name is refused.
func TestWithoutAgents(t *testing.T) {
	t.Parallel()
	told := ""
	o := Options{Manifest: demo(), Tell: func(scenario, format string, a ...any) { told += scenario + ": " + fmt.Sprintf(format, a...) + "\n" }}
	names := func() (names []string) {
		todo, err := o.scenarios()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range todo {
			names = append(names, s.name)
		}
		return names
	}
	all := strings.Join(Names(), " ")
	without := strings.TrimSuffix(all, " "+WithAgents)
	if got := strings.Join(names(), " "); got != without || told != "" {
		t.Errorf("a jump without agents: %s\n%s", got, told)
	}
	o.Only = []string{WithAgents}
	if _, err := o.scenarios(); exit.Code(err) != exit.Usage || err.Error() != "1.0-2.0 has no agents, and so no scenario agents" {
		t.Errorf("asked for: %v", err)
	}
	o.Manifest.Agents, o.Only = &manifest.Agents{}, nil
	if got := strings.Join(names(), " "); got != without || told != "agents: not tried: 1.0-2.0 has agents, and no agents.sh that says which of them work\n" {
		t.Errorf("a jump without a script: %s\n%s", got, told)
	}
	o.Only = []string{WithAgents}
	if _, err := o.scenarios(); exit.Code(err) != exit.Spec || exit.Hint(err) != "write specs/1.0-2.0/certify/agents.sh" {
		t.Errorf("asked for without a script: %v, hint %q", err, exit.Hint(err))
	}
	o.Checks.Agents, o.Only = &Script{}, nil
	if got := strings.Join(names(), " "); got != all {
		t.Errorf("with a script: %s", got)
	}
}
