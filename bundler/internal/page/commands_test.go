package page

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
)

// The page's commands do what it says, with the real curl, gpg, rpm and cpio: a customer downloads a
// signed bundle, checks it, and runs its check without installing it. Installing is for tests on machines.
func TestCommandsDoWhatThePageSays(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"4.1.1", "4.1+git~rc^1"} { // S3 wants a plus escaped in a URL, and nobody wants that in a file's name
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			commandsDoWhatThePageSays(t, to)
		})
	}
}

func commandsDoWhatThePageSays(t *testing.T, to string) {
	in, store := published(t, to)
	b := newView(in).Jumps[0].Bundle
	var script strings.Builder
	for _, s := range append([]step{in.keyStep()}, b.Steps[:3]...) {
		fmt.Fprintf(&script, "echo '== %s'\n%s\necho \"exit $?\"\n", s.Title, s.Command)
	}
	run := func() string {
		home := t.TempDir()
		// A database and a home of the test's own; for the rest the commands run as they stand on the page.
		setup := "rpm() { command rpm --dbpath " + home + "/rpmdb \"$@\"; }\nexport GNUPGHOME=" + home + "\n"
		cmd := exec.CommandContext(t.Context(), "bash", "-c", setup+script.String())
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	out := run()
	for _, want := range []string{
		strings.ReplaceAll(grouped(in.Key), " ", ""), "harbour-upgrade-" + to + ".rpm: OK\nexit 0", "digests signatures OK\nexit 0", "ready for " + to + "\nexit 0",
	} {
		if !strings.Contains(strings.ReplaceAll(out, " ", ""), strings.ReplaceAll(want, " ", "")) {
			t.Errorf("the commands do not say %q: %s", want, out)
		}
	}

	// One flipped byte: the checksum and the signature both tell.
	file := filepath.Join(store, b.File.Name)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-20] ^= 1
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(); !strings.Contains(out, b.File.Name+": FAILED") || !strings.Contains(out, "NOT OK") || strings.Contains(out, "digests signatures OK") {
		t.Errorf("a damaged bundle: %s", out)
	}
}

// published is a store on loopback with one signed bundle, whose engine says that the machine is ready.
func published(t *testing.T, to string) (in Input, store string) {
	t.Helper()
	f, err := os.Open("../../../test/keys/demo.key.asc")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	key, err := sign.Load(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "harbour-upgrade-" + to, Version: to, Release: "1", Arch: "x86_64", BuildTime: time.Unix(1e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	r.AddFile(rpmpack.RPMFile{Name: "/opt/harbour-upgrade/" + to + "/bin/engine", Mode: 0o100755, Owner: "root", Group: "root",
		Body: []byte("#!/bin/sh\n[ \"$1\" = check ] && echo 'ready for " + to + "'\n")})
	r.SetPGPSigner(func(header []byte) ([]byte, error) { return key.Header(header, time.Now()) })
	var rpm bytes.Buffer
	if err := r.Write(&rpm); err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	store = t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(store)))
	t.Cleanup(server.Close)
	in = demo(t)
	in.Base, in.Key, in.Testing = server.URL, key.Fingerprint(), nil
	b := demoBundle("4.0.1", to, 1, 0, int64(rpm.Len()))
	b.SHA256 = fmt.Sprintf("%x", sha256.Sum256(rpm.Bytes()))
	in.Stable = in.index(repo.Stable, b)
	in.Releases = []Release{{Version: "4.0.1", Next: to}, {Version: to}}
	for name, content := range map[string][]byte{b.Short: rpm.Bytes(), in.keyName(): public} {
		if err := os.WriteFile(filepath.Join(store, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return in, store
}
