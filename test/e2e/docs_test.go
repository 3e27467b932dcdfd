package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/docs"
	"onerpm/test/host"
)

// TestDocs does what the pages tell an admin to do, block by block: on one machine what stands in the pages about upgrading it, in the order
// in which an admin comes by, and on machines of make host's own what README and CONTRIBUTING show of a whole upgrade.
func TestDocs(t *testing.T) {
	t.Parallel()
	a := &admin{t: t, blocks: map[string][]docs.Block{}, pages: map[string]docs.Document{}}
	n := a.read()
	t.Run("one machine", func(t *testing.T) {
		a.t = t
		a.upgrades()
	})
	t.Run("make host", func(t *testing.T) {
		a.t, a.project = t, t.TempDir()
		docs.CopyProject(t, project, a.project)
		a.types("README.md", "make demo")
		a.types("CONTRIBUTING.md", "journalctl")
	})
	if a.done != n && !t.Failed() {
		t.Errorf("%d of %d blocks for a machine were tried", a.done, n)
	}
}

// upgrades goes through the pages about upgrading a machine.
func (a *admin) upgrades() {
	t := a.t
	t.Helper()
	a.m = host.Start(t, host.Options{Release: "4.1.1", Data: true})
	b := publish(t)
	b.join(t, a.m)
	// What is an example on the pages, and what stands for it here. An admin answers yum's question.
	a.examples = strings.NewReplacer("<p>", prefix, "https://downloads.example.org/upgrades/", b.url, "yum install", "yum install -y", "PASSWORD", "open-sesame-42")
	a.m.Sh(t, "rm "+host.NoAgents+" && mkdir -p /path/to && mv "+give(t, a.m, "4.2.0")+" /root/x && cp /root/x /path/to/"+prefix+"-4.2.0.rpm && mv /root/x /root/"+prefix+"-4.2.0.rpm")

	// Days before: a look out of the unpacked bundle.
	a.does("README.md", "rehearse", "ready", "the window to expect")
	a.m.Sh(t, "rm -r /root/c")
	a.does("docs/findings.md", "engine check", "ready")
	a.does("docs/admin.md", "engine check", "ready")
	a.does("docs/admin.md", "engine rehearse", "the window to expect")
	// The bundle comes from the repository; its file manual keeps the upgrade from starting. It is removed again.
	a.m.Sh(t, "mkdir -p /etc/"+prefix+" && touch /etc/"+prefix+"/manual")
	a.does("docs/publishing.md", "yum install", "was not started")
	a.m.Sh(t, "yum remove -y "+prefix+"-4.2.0 && rm -r /etc/"+prefix)
	// The upgrade.
	a.does("docs/agents.md", "Authorization")
	a.does("docs/admin.md", "manual", "was not started")
	a.does("docs/admin.md", "cloudify-upgrade start")
	a.does("docs/admin.md", "status --follow", "done: Cloudify Manager is 4.2.0", "agents wait`\r\n6\r\n") // the agents are under way
	checkNew(t, a.m, "4.2.0")
	a.does("docs/answers.md", "help schema", "summary", `"window_measured"`)
	// The file of credentials was there, so the agents are upgraded by themselves.
	if code, out := a.m.ShCode(t, prefix+" agents wait && "+prefix+" agents status"); code != 0 || !strings.Contains(out, "agents: done") {
		t.Errorf("agents: exit %d\n%s", code, out)
	}
	a.does("docs/agents.md", "engine agents", "agents: done")
	a.does("docs/admin.md", "clean --dry-run", "nothing was removed", "are free again", "outcome=upgraded")
}

// admin is somebody who reads the pages.
type admin struct {
	t       *testing.T
	m       *host.Machine
	pages   map[string]docs.Document
	blocks  map[string][]docs.Block // for a machine, by page
	project string                  // a copy

	examples *strings.Replacer
	done     int
}

// read finds all blocks that are for a machine.
func (a *admin) read() (n int) {
	a.t.Helper()
	files, err := filepath.Glob(project + "/docs/*.md")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, path := range append(files, project+"/README.md", project+"/CONTRIBUTING.md", project+"/SECURITY.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			a.t.Fatal(err)
		}
		name, err := filepath.Rel(project, path)
		if err != nil {
			a.t.Fatal(err)
		}
		if a.pages[name], err = docs.Read(name, string(text)); err != nil {
			a.t.Fatal(err)
		}
		for _, b := range a.pages[name].Blocks {
			if b.How == "machine" {
				a.blocks[name] = append(a.blocks[name], b)
				n++
			}
		}
	}
	return n
}

// find takes a page's first block that has a text.
func (a *admin) find(page, text string) docs.Block {
	a.t.Helper()
	for _, b := range a.blocks[page] {
		if strings.Contains(b.Text, text) {
			a.done++
			return b
		}
	}
	a.t.Fatalf("%s has no block for a machine with %q", page, text)
	return docs.Block{}
}

// does runs a block on the machine, at a terminal, and wants something printed, and what the page shows behind it.
func (a *admin) does(page, text string, want ...string) {
	a.t.Helper()
	b := a.find(page, text)
	script, stops := "/root/block", "set -euo pipefail\n"
	if strings.Contains(b.Text, "echo $?") { // an exit code that the reader is to look at
		stops = ""
	}
	if err := a.m.WriteFile(script, []byte(stops+"cd /root\n"+a.examples.Replace(b.Text)), 0o600); err != nil {
		a.t.Fatal(err)
	}
	code, said := a.m.ShCode(a.t, `TERM=xterm script --quiet --return --command "stty cols 100 rows 40; bash `+script+`" /dev/null </dev/null`)
	a.judge(b, code, said, want)
}

// types runs a block that boots a machine in the project, by a shell that reads what is typed: what stands behind make host is read by the
// machine's own shell.
func (a *admin) types(page, text string) {
	a.t.Helper()
	b := a.find(page, text)
	cmd := exec.CommandContext(a.t.Context(), "bash", "-s")
	cmd.Dir, cmd.Stdin = a.project, strings.NewReader(b.Text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.t.Fatalf("%s: %v\n%s", b, err, out)
	}
	want := []string{"a machine of " + host.Usual + " with the product at 4.1.1", "done: Cloudify Manager is 4.2.0"}
	if strings.Contains(b.Text, "echo $?") {
		want = append(want, "\n0\n")
	}
	a.judge(b, 0, string(out), want)
}

func (a *admin) judge(b docs.Block, code int, said string, want []string) {
	a.t.Helper()
	if code != 0 {
		a.t.Fatalf("%s: exit %d\n%s", b, code, said)
	}
	for _, s := range want {
		if !strings.Contains(said, s) {
			a.t.Errorf("%s does not print %q:\n%s", b, s, said)
		}
	}
	for _, line := range docs.Missing(docs.Shown(a.pages[b.File], b), said) {
		a.t.Errorf("%s does not print what is shown behind it: %s\n%q", b, line, said)
	}
}
