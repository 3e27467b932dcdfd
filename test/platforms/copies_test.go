package platforms

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
)

// copyAddress is where a machine reaches the copy of the repository, and nothing else.
const copyAddress = "127.0.0.1:7481"

// mirrored publishes the bundle in a folder, and returns the folder of a copy of that, from which nothing leads back.
func mirrored(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	copied, program := filepath.Join(dir, "copy"), filepath.Join(dir, "bundler")
	for _, args := range [][]string{
		{"go", "build", "-o", program, "./bundler"},
		{program, "publish", machinecheck.Bundle(t, to), "--to", filepath.Join(dir, "store"), "--channel", "stable", "--override", "tested by the test that publishes it"},
		{program, "mirror", "--from", filepath.Join(dir, "store"), "--to", copied, "--url", "http://" + copyAddress},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	return copied
}

// installFromCopy upgrades from a copy of the repository, with both signatures checked; the repository itself is gone.
func installFromCopy(t testing.TB, m *host.Machine, _ *Row) {
	dir := mirrored(t)
	l, err := m.Listen(t.Context(), "tcp", copyAddress)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	defer server.Close()
	m.Sh(t, "rm "+bundle+" && curl -fsS -o /etc/yum.repos.d/"+prefix+".repo http://"+copyAddress+"/"+prefix+".repo && grep -c gpgcheck=1 /etc/yum.repos.d/"+prefix+".repo")
	if code, said := m.ShCode(t, "dnf install -y "+prefix+"-"+to+" && "+prefix+" wait"); code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	machinecheck.New(t, m, to)
}
