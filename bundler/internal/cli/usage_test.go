package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
)

// run runs the bundler in this process.
func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(context.Background(), append([]string{"bundler"}, args...), strings.NewReader(""), &out, &err, nil)
	return code, out.String(), err.String()
}

// Every wrong use of a command has exit code 2, says what is wrong in one line and what to
// type instead, and writes nothing to standard output.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	root := t.TempDir() // no project
	tests := []struct {
		args string
		want string // on standard error
	}{
		{"frobnicate", `there is no command "frobnicate"`},
		{"check a b", "check takes at most 1, not 2"},
		{"check --nope", "flag provided but not defined: -nope"},
		{"check --database x --project " + root, "--database"},
		{"lock", "lock takes one argument, not 0"},
		{"lock a b", "lock takes one argument, not 2"},
		{"build", "build takes one argument, not 0"},
		{"build a b", "build takes one argument, not 2"},
		{"build a --output", "flag needs an argument: -output"},
		{"inspect", "inspect takes one argument, not 0"},
		{"paths", "paths takes 1 to 2 arguments, not 0"},
		{"paths a b c", "paths takes 1 to 2 arguments, not 3"},
		{"diff", "diff takes one argument, not 0"},
		{"publish", "publish"},
		{"list x y", "list takes at most 1, not 2"},
		{"list", "list needs --from"},
		{"withdraw x", "withdraw needs --from"},
		{"url", "url takes one argument, not 0"},
		{"url 4.2.0", "url needs --from"},
		{"url 4.2.0 --from x --expires 1s", "a link is good for 1m to 168h0m0s, not 1s"},
		{"url 4.2.0 --from x --expires 400h", "a link is good for 1m to 168h0m0s, not 400h0m0s"},
		{"url 4.2.0 --from x --expires soon", "invalid value"},
		{"verify", "verify needs --from"},
		{"fleet", "fleet takes 2 arguments, not 0"},
		{"fleet watch x", `fleet does not know the word "watch"`},
		{"setup x", "setup takes no argument, not 1"},
		{"matrix x", "matrix takes no argument, not 1"},
		{"new", "new takes one argument, not 0"},
		{"new 1.0 --project " + root, "product.yaml"},
		{"schema x", `there is no schema "x"`},
		{"certify", "certify takes one argument, not 0"},
		{"machine --release 1.0 --project " + root, "product.yaml"},
		{"machine --disk x", "invalid value"},
		{"check --project " + filepath.Join(root, "nowhere"), "nowhere/versions/product.yaml: no such file"},
		{"completion", "completion takes one argument, not 0"},
		{"completion csh", `there is no completion for "csh"`},
		{"man x", "man takes no argument, not 1"},
		{"version x", "version takes no argument, not 1"},
		{"--project " + root + " check", "versions/product.yaml: no such file"},
	}
	for _, tt := range tests {
		code, stdout, stderr := run(strings.Fields(tt.args)...)
		if code != exit.Usage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("bundler %s: exit code %d\nstdout %q\nstderr %q\nwant %q", tt.args, code, stdout, stderr, tt.want)
		}
		if !strings.HasPrefix(stderr, "bundler: ") || strings.Count(stderr, "\n") > 2 {
			t.Errorf("bundler %s: no error in one line with a hint:\n%s", tt.args, stderr)
		}
	}
}

// Every command explains itself: what it is for, its arguments and the exit codes, with exit code 0.
func TestHelp(t *testing.T) {
	t.Parallel()
	code, all, _ := run("--help")
	if code != 0 || !strings.Contains(all, "Exit codes:\n  ") {
		t.Errorf("exit code %d:\n%s", code, all)
	}
	s := &streams{}
	for _, make := range commands {
		c := make(s)
		if c.Usage == "" || c.Usage[0] < 'a' || c.Usage[0] > 'z' || strings.HasSuffix(c.Usage, ".") {
			t.Errorf("%s: %q is no short text in lower case without a full stop", c.Name, c.Usage)
		}
		if strings.Contains(all, "\n   "+c.Name+" ") == c.Hidden {
			t.Errorf("bundler --help lists %s, or not: %v", c.Name, !c.Hidden)
		}
		code, help, stderr := run(c.Name, "--help")
		if code != 0 || stderr != "" || !strings.Contains(help, c.Usage) || !strings.Contains(help, "--project") {
			t.Errorf("bundler %s --help: exit code %d, %q\n%s", c.Name, code, stderr, help)
		}
	}
}

// Flags may stand before and after arguments, and a -- ends them.
func TestPermute(t *testing.T) {
	t.Parallel()
	app := application(&streams{})
	for in, want := range map[string]string{
		"bundler":                                       "bundler",
		"bundler --project p":                           "bundler --project p",
		"bundler build 1-2":                             "bundler build 1-2",
		"bundler build 1-2 --output d":                  "bundler build --output d 1-2",
		"bundler build --output d 1-2":                  "bundler build --output d 1-2",
		"bundler build 1-2 --output=d":                  "bundler build --output=d 1-2",
		"bundler build 1-2 --json --output d":           "bundler build --json --output d 1-2",
		"bundler --project p build 1-2 --json":          "bundler --project p build --json 1-2",
		"bundler --project=p build 1-2 --json":          "bundler --project=p build --json 1-2",
		"bundler build -- --json":                       "bundler build -- --json",
		"bundler build a -- --json b":                   "bundler build a -- --json b",
		"bundler build a --output":                      "bundler build --output",
		"bundler publish a.rpm b.rpm --to s --url u":    "bundler publish --to s --url u a.rpm b.rpm",
		"bundler publish a.rpm --to s b.rpm":            "bundler publish --to s a.rpm b.rpm",
		"bundler certify f --only fresh --only failing": "bundler certify --only fresh --only failing f",
		"bundler machine --release 1 --data -- ls -l":   "bundler machine --release 1 --data -- ls -l",
		"bundler inspect - --json":                      "bundler inspect --json -",
		"bundler nothing a --json":                      "bundler nothing a --json",
	} {
		if got := strings.Join(permute(app, strings.Fields(in)), " "); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", in, got, want)
		}
	}
}

func TestTakesValue(t *testing.T) {
	t.Parallel()
	flags := []cli.Flag{&cli.StringFlag{Name: "name", Aliases: []string{"n"}}, &cli.BoolFlag{Name: "yes"}, &cli.DurationFlag{Name: "for"}}
	for arg, want := range map[string]bool{"--name": true, "-name": true, "-n": true, "--name=x": false, "--yes": false, "--for": true, "--other": false, "-": false} {
		if got := takesValue(flags, arg); got != want {
			t.Errorf("%s: %v", arg, got)
		}
	}
}

func TestGetenv(t *testing.T) {
	t.Parallel()
	s := &streams{env: []string{"A=1", "B=", "AB=2", "A=3", "C"}}
	for name, want := range map[string]string{"A": "3", "B": "", "AB": "2", "C": "", "D": ""} {
		if got := s.getenv(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Mistakes and problems stand one on a line, as compilers write them; then one line sums up.
func TestReport(t *testing.T) {
	t.Parallel()
	list := mistake.List{{File: "a.yaml", Line: 1, Column: 2, What: "one"}, {File: "b.yaml", What: "two", Allowed: "three"}}
	problems := plan.Problems{{Package: "a-1-1", What: "is odd", Do: "mend it"}}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{exit.With(exit.Spec, list.Err(), ""), "a.yaml:1:2: one\nb.yaml: two; three\nbundler: 2 mistakes in versions/ and specs/\n"},
		{exit.With(exit.Packages, problems, ""), "a-1-1: is odd; mend it\nbundler: 1 problem in the packages of the jump\n"},
		{exit.Errorf(exit.Store, "look at the network", "the store is silent"), "bundler: the store is silent\n  hint: look at the network\n"},
		{errors.New("plain"), "bundler: plain\n"},
		{fmt.Errorf("while checking: %w", exit.With(exit.Spec, list[:1].Err(), "read it")), "a.yaml:1:2: one\nbundler: 1 mistake in versions/ and specs/\n  hint: read it\n"},
	} {
		var b bytes.Buffer
		(&streams{err: &b}).report(tt.err)
		if b.String() != tt.want {
			t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]int]string{{0, 0}: "no argument", {1, 1}: "one argument", {0, 2}: "at most 2", {1, 3}: "1 to 3 arguments"} {
		if got := count(in[0], in[1]); got != want {
			t.Errorf("%v: %q", in, got)
		}
	}
	for n, want := range map[int]string{0: "0 jumps", 1: "1 jump", 2: "2 jumps"} {
		if got := plural(n, "jump"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// The project is the nearest folder upwards that has versions/product.yaml.
func TestProjectOfFlag(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "versions"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, marker), []byte("product: P\nprefix: p\nvendor: V\nlicense: MIT\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "--project", root}, {"--project", root, "check"}, {"check", "--project=" + root}} {
		code, stdout, stderr := run(args...)
		if code != 0 || stdout != "0 releases and 0 jumps: no mistake\n"+nextNew {
			t.Errorf("%q: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// The names of all commands are in the order of the help text, and none is there twice.
func TestCommands(t *testing.T) {
	t.Parallel()
	s := &streams{}
	var names []string
	seen := map[string]bool{}
	for _, make := range commands {
		name := make(s).Name
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		names = append(names, name)
	}
	var listed []string
	for _, c := range application(s).Commands {
		listed = append(listed, c.Name)
	}
	if !reflect.DeepEqual(names, listed) {
		t.Errorf("%q, %q", names, listed)
	}
}
