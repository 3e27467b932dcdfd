package docs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// Session runs blocks of commands one after the other, as somebody who types them does.
type Session struct {
	Dir   string   // where each block begins
	Env   []string // of the first; what a block exports is there for those after it
	State string   // a file with what was exported
}

// Run runs a block by bash, up to the first command that fails, and returns its exit code and both outputs.
func (s *Session) Run(ctx context.Context, script string) (code int, said string, err error) {
	cmd := exec.CommandContext(ctx, "bash", "-c",
		"set -euo pipefail\n[ ! -e "+s.State+" ] || . "+s.State+"\n"+script+"\nexport -p >"+s.State+"\n")
	cmd.Dir, cmd.Env = s.Dir, s.Env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return cmd.ProcessState.ExitCode(), string(out), err
}

// CopyProject copies the project into a folder, without what was made in it and without its history.
func CopyProject(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{".git", "dist", ".cache"}, e.Name()) {
			Copy(t, from, e.Name(), to)
		}
	}
}

// Copy copies a file or a folder of the project.
func Copy(t testing.TB, project, name, to string) {
	t.Helper()
	from := filepath.Join(project, name)
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(filepath.Join(to, name), os.DirFS(from))
	} else if err == nil {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			path := filepath.Join(to, name)
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, info.Mode()))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// GPGHome makes a folder for gpg. At the test's end the agent that gpg started there is gone.
func GPGHome(t testing.TB, dir string) string {
	t.Helper()
	home := filepath.Join(dir, "gnupg")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, what := range [][]string{{"--kill", "all"}, {"--remove-socketdir"}} {
			if out, err := exec.Command("gpgconf", append([]string{"--homedir", home}, what...)...).CombinedOutput(); err != nil {
				t.Errorf("end gpg's agent: %v\n%s", err, out)
			}
		}
	})
	return home
}
