// Package platforms upgrades machines of every platform: what is around the engine there, rpm, dnf or dnf5, systemd and
// PostgreSQL, is of another generation on each.
//
// make test tries [Usual]. make test-platforms tries all, and twenty crash points on each by test/crash, and writes
// docs/platforms.md; ONERPM_PLATFORMS names the platforms of such a run.
package platforms

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"

	"onerpm/test/host"
	"onerpm/test/trial"
)

// Usual are the platforms of make test: the one of all other tests, and the newest that does not move.
var Usual = []string{host.Usual, "debian13"}

// Named are the platforms that ONERPM_PLATFORMS names, whose results are kept; none is no such run.
func Named() ([]string, error) {
	text := os.Getenv("ONERPM_PLATFORMS")
	if text == "all" {
		return host.Platforms(), nil
	}
	names := strings.Fields(strings.ReplaceAll(text, ",", " "))
	for _, name := range names {
		if !slices.Contains(host.Platforms(), name) {
			return nil, fmt.Errorf("ONERPM_PLATFORMS=%q: there are %s", text, strings.Join(host.Platforms(), ", "))
		}
	}
	return names, nil
}

// Row is how one test ended on one platform.
type Row struct {
	Platform string  `json:"platform"`
	Test     string  `json:"test"`
	System   *System `json:"system,omitempty"` // of the test that only asks for it
	Window   float64 `json:"window,omitempty"` // seconds in which clients were kept out
	Words    Words   `json:"words,omitempty"`
	Seconds  int     `json:"seconds"`
	Engine   string  `json:"engine"` // SHA-256
	Trouble  string  `json:"problem,omitempty"`
}

// Words are what programs said of a bundle's signature, by what was run.
type Words map[string]string

// What was run.
const (
	unknownK = "`rpm -K`, key not imported"
	unknownU = "`rpm -U`, key not imported"
	unknownI = "`dnf install`, key not imported"
	unknownG = "`dnf install --setopt=localpkg_gpgcheck=1`, key not imported"
	knownK   = "`rpm -K`, key imported"
)

// System is what a platform's machine says of itself.
type System struct {
	Date       string `json:"date"`
	Name       string `json:"name"`
	RPM        string `json:"rpm"`
	DNF        string `json:"dnf"`
	Systemd    string `json:"systemd"`
	PostgreSQL string `json:"postgresql"`
	Nginx      string `json:"nginx"`
	Kernel     string `json:"kernel"`
}

// Key names a test on a platform.
func (r Row) Key() string { return r.Platform + "\t" + r.Test }

// By is the engine's SHA-256.
func (r Row) By() string { return r.Engine }

// Problem is why it failed, or nothing.
func (r Row) Problem() string { return r.Trouble }

// Order is by platform, then along the list of tests.
func (r Row) Order() string {
	return fmt.Sprintf("%02d\t%02d", slices.Index(host.Platforms(), r.Platform), rank(r.Test))
}

func rank(test string) int {
	for i, t := range tests {
		if t.name == test {
			return i
		}
	}
	return len(tests) // a crash point
}

// Head is the first line of the results.
type Head struct {
	Engine string `json:"engine"` // SHA-256
}

// CrashPoint begins the name of the test of a crash point; test/crash runs them.
const CrashPoint = "dies at "

// The tests on each platform.
const (
	asked     = "asked"
	refused   = "refused"
	upgraded  = "upgraded"
	cut       = "cut"
	failed    = "failed"
	untouched = "untouched"
	named     = "named"
	again     = "again"
	signed    = "signed"
	behind    = "behind"
	waited    = "waited"
	resident  = "resident"
	copied    = "copied"
	nightly   = "nightly"
	alone     = "alone" // a measurement
)

// tests are in the order of the page, which says what each tries.
var tests = []struct{ name, says string }{
	{asked, ""}, // what the machine is
	{refused, "what refuses says why on the terminal of `yum install`, and nothing has changed"},
	{upgraded, "`yum install && cloudify-upgrade wait` upgrades"},
	{cut, "a power cut in the window: back to the old machine"},
	{failed, "a service that does not start: back to the old machine; users and groups are as they were"},
	{untouched, "a bundle with sysusers, tmpfiles, file triggers and Lua: `check` and `rehearse` leave `/etc`, `/usr`, `/var/lib` and rpm's database byte for byte"},
	{named, "it goes back; users that its packages made are gone, or the report names them"},
	{again, "it upgrades once the cause is gone"},
	{signed, "`_pkgverify_level all`: nothing is installed without the key; with it the machine is upgraded"},
	{behind, "an unattended update is in the middle of a scriptlet: it is waited for"},
	{waited, "another dnf waits for an answer: dnf5 is waited for, for as long as the admin says, and named; what dnf 4 does when it is answered later does no harm"},
	{resident, "a PackageKit, for which a stand-in has the locks that were measured: it is waited for in its transaction, not while it is idle, and asked to end after the upgrade"},
	{copied, "`yum install` from a copy of the repository that `bundler mirror` made, under another address, with `gpgcheck` and `repo_gpgcheck`"},
	{nightly, "`dnf upgrade` with a repository of the components of every release: nothing changes"},
}

// Open reads the results of earlier runs.
func Open() (*trial.Results[Head, Row], error) {
	return trial.Open("../platforms/results.jsonl", "../../docs/platforms.md", draw)
}

// differences is the part of the page that is written by hand.
//
//go:embed differences.md
var differences string

// draw makes the page.
func draw(h Head, rows []Row) string {
	found := map[string]Row{}
	for _, r := range rows {
		found[r.Key()] = r
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Platforms

Made by `+"`make test-platforms`"+` from [test/platforms/results.jsonl](../test/platforms/results.jsonl) and [test/platforms/differences.md](../test/platforms/differences.md); a test compares them.
Each platform is [a test machine](test-machine.md) of a suite of Debian whose rpm, dnf, systemd and PostgreSQL are of the generation of a distribution that customers run. %s.

| platform | system | rpm | dnf | systemd | PostgreSQL | nginx | kernel | tried on |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`, trial.Engines(h.Engine, rows))
	for _, platform := range host.Platforms() {
		s := found[platform+"\t"+asked].System
		if s == nil {
			s = &System{}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", platform, s.Name, s.RPM, s.DNF, s.Systemd, s.PostgreSQL, s.Nginx, s.Kernel, s.Date)
	}
	b.WriteString("\n## What was tried\n\n| test |")
	for _, platform := range host.Platforms() {
		b.WriteString(" " + platform + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(host.Platforms())) + "\n")
	for _, test := range tests[1:] {
		b.WriteString("| " + test.says + " |")
		for _, platform := range host.Platforms() {
			b.WriteString(" " + outcome(found, platform, test.name) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("| [killed and cut off](crash-points.md) at points of 4.1.1-4.2.0: passed, of those tried |")
	for _, platform := range host.Platforms() {
		tried, passed := 0, 0
		for _, r := range rows {
			if r.Platform == platform && strings.HasPrefix(r.Test, CrashPoint) {
				tried++
				if r.Trouble == "" {
					passed++
				}
			}
		}
		fmt.Fprintf(&b, " %d of %d |", passed, tried)
	}
	for _, w := range []struct{ says, test, form string }{
		{"time out of service of that upgrade, one machine at a time: median of 3", alone, " %.2f s |"},
		{"beside several others on one machine", upgraded, " %.1f s |"},
	} {
		b.WriteString("\n| " + w.says + " |")
		for _, platform := range host.Platforms() {
			if window := found[platform+"\t"+w.test].Window; window > 0 {
				fmt.Fprintf(&b, w.form, window)
			} else {
				b.WriteString(" |")
			}
		}
	}
	b.WriteString("\n\n## What is said of a bundle's signature\n\nThe line that tells, with `%_pkgverify_level all`.\n\n| run |")
	for _, platform := range host.Platforms() {
		b.WriteString(" " + platform + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(host.Platforms())) + "\n")
	for _, run := range []string{unknownK, unknownU, unknownI, unknownG, knownK} {
		b.WriteString("| " + run + " |")
		for _, platform := range host.Platforms() {
			b.WriteString(" " + trial.Cell(found[platform+"\t"+signed].Words[run]) + " |")
		}
		b.WriteString("\n")
	}
	first := true
	for _, r := range rows {
		if r.Trouble == "" {
			continue
		}
		if first {
			b.WriteString("\n## What failed\n\n| platform | test | fails |\n| --- | --- | --- |\n")
			first = false
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Platform, strings.ReplaceAll(r.Test, "|", `\|`), trial.Cell(r.Trouble))
	}
	return b.String() + "\n" + differences
}

func outcome(found map[string]Row, platform, test string) string {
	r, ok := found[platform+"\t"+test]
	switch {
	case !ok:
		return "not tried"
	case r.Trouble != "":
		return "**failed**"
	}
	return "passed"
}
