package cli_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/cli"
)

var update = flag.Bool("update", false, "write what is got into the scripts; read the difference before you commit it")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bundler": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) // as main does
			code := cli.Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Environ())
			stop()
			os.Exit(code)
		},
	})
}

// The scripts in testdata read like shell sessions. Each starts in a folder with
// demo/, the small project of package release's tests.
func TestScripts(t *testing.T) {
	t.Parallel()
	var pg postgres
	t.Cleanup(func() { pg.stop(t) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return os.Getuid() == 0, nil
		},
		Setup: func(env *testscript.Env) error {
			keys, err := filepath.Abs("../../../test/keys")
			if err != nil {
				return err
			}
			env.Setenv("KEYS", keys)
			demo, err := txtar.ParseFile("../release/testdata/good.txtar")
			if err != nil {
				return err
			}
			return txtar.Write(demo, env.WorkDir+"/demo")
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "mkrpm": mkrpm, "engine": engine, "certificate": certificate, "postgres": pg.database, "flips": flips, "serve": serve},
	})
}

// exits runs the bundler and compares its exit code: exits CODE ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = err.Error()
	}
	want := "exit status " + args[0]
	if args[0] == "0" {
		want = "0"
	}
	if got != want {
		ts.Fatalf("got %s, want %s", got, want)
	}
}
