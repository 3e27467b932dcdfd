package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/test/host"
	"onerpm/test/machinecheck"
	"onerpm/test/s3server"
)

// bucket is a real S3 server with the bundles published in it, as customers see it
// at the same address inside every machine that it is joined to.
type bucket struct {
	server *s3server.Server
	url    string
	folder string // the store, as the server keeps it
}

const bucketAddress = "127.0.0.1:7480"

// publish publishes the bundles of all jumps into stable, with the demo key.
func publish(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{server: s3server.Start(t)}
	b.url = "http://" + bucketAddress + "/" + b.server.Bucket + "/upgrades/"
	b.folder = filepath.Join(b.server.Dir, b.server.Bucket, "upgrades")
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, b.server.Bucket)
	if _, err := b.server.Client().PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b.server.Bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "bundler")
	b.run(t, "go", "build", "-o", program, "./bundler")
	b.run(t, program, "publish", bundle(t, "4.0.1"), bundle(t, "4.1.1"), bundle(t, "4.2.0"), "--to", "s3://"+b.server.Bucket+"/upgrades",
		"--url", b.url, "--channel", "stable", "--override", "tested by the test that publishes it")
	return b
}

func (b *bucket) run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), b.server.Env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// join lets a machine reach the bucket.
func (b *bucket) join(t *testing.T, m *host.Machine) {
	t.Helper()
	l, err := m.Listen(t.Context(), "tcp", bucketAddress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(from)
		}
	}()
}

func (b *bucket) serve(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", strings.TrimPrefix(b.server.Endpoint, "http://"))
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(from, to)
}

// addRepository is what the download page tells a customer to type.
func (b *bucket) addRepository() string {
	return "curl -fsS -o /etc/yum.repos.d/" + prefix + ".repo " + b.url + prefix + ".repo"
}

// flip changes one byte in the middle of the only file that matches, and returns how to change it back.
func (b *bucket) flip(t *testing.T, pattern string) (back func()) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(b.folder, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v %v", pattern, found, err)
	}
	turn := func() {
		f, err := os.OpenFile(found[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		one := make([]byte, 1)
		if _, err := f.ReadAt(one, info.Size()/2); err != nil {
			t.Fatal(err)
		}
		one[0] ^= 1
		if _, err := f.WriteAt(one, info.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	return turn
}

// TestFromTheBucket has customers' machines take bundles out of a published repository,
// with signatures checked: what is whole is taken, what is damaged or signed by
// another is refused, and the gate holds.
func TestFromTheBucket(t *testing.T) {
	t.Parallel()
	b := publish(t) // one after the other: the second damages it for a while
	t.Run("4.0.1", func(t *testing.T) {
		m := host.Start(t, host.Options{Release: "4.0.1", Data: true})
		b.join(t, m)
		m.Sh(t, b.addRepository())
		before := machinecheck.Packages(t, m)
		code, out := m.ShCode(t, "dnf install -y "+prefix+"-4.2.0")
		if code == 0 || !strings.Contains(out, prefix+"-4.1.1") {
			t.Errorf("exit %d, and which bundle to take is not said:\n%s", code, out)
		}
		if now := machinecheck.Packages(t, m); now != before {
			t.Errorf("packages were %s\nand are %s", before, now)
		}
	})
	t.Run("4.1.1", func(t *testing.T) {
		m := host.Start(t, host.Options{Release: "4.1.1", Data: true})
		b.join(t, m)
		m.Sh(t, b.addRepository())
		if repo := m.Sh(t, "cat /etc/yum.repos.d/"+prefix+".repo"); !strings.Contains(repo, "\ngpgcheck=1\n") || !strings.Contains(repo, "\nrepo_gpgcheck=1\n") {
			t.Fatalf("signatures are not checked:\n%s", repo)
		}
		b.refuses(t, m)
		if listed := m.Sh(t, "dnf -y -q search "+prefix); !strings.Contains(listed, prefix+"-4.1.1") || !strings.Contains(listed, prefix+"-4.2.0") {
			t.Errorf("dnf search: %s", listed)
		}
		m.Sh(t, "mkdir -p /etc/"+prefix+"; touch /etc/"+prefix+"/manual; dnf install -y "+b.url+prefix+"-4.2.0.rpm; rpm -e "+prefix+"-4.2.0; rm /etc/"+prefix+"/manual")
		if code, out := m.ShCode(t, "dnf install -y "+prefix+"-4.2.0 && "+prefix+" wait"); code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		checkNew(t, m, "4.2.0")
	})
}

// refuses proves that damage and a foreign key do not come through the repository.
func (b *bucket) refuses(t *testing.T, m *host.Machine) {
	t.Helper()
	const install = "dnf clean all >/dev/null; dnf install -y " + prefix + "-4.2.0"
	for _, file := range []string{"packages/*/" + prefix + "-4.2.0-*.rpm", "stable/g/*/repodata/*-primary.xml.gz", "stable/g/*/repodata/repomd.xml"} {
		back := b.flip(t, b.current(t, file))
		if code, out := m.ShCode(t, install); code == 0 {
			t.Errorf("one byte of %s is another, and dnf took it:\n%s", file, out)
		}
		back()
	}
	// A customer who trusts another key only: first the metadata, then the package itself.
	m.Sh(t, `cd /root && export GNUPGHOME=/root/gnupg && mkdir -m 700 gnupg && gpg --batch --quiet --passphrase '' --quick-generate-key other@example.com rsa2048 sign never &&
		gpg --batch --armor --export > other.asc; gpgconf --kill all
		sed -i.was 's|^gpgkey=.*|gpgkey=file:///root/other.asc|' /etc/yum.repos.d/`+prefix+`.repo`)
	for _, and := range []string{"true", "sed -i 's|^repo_gpgcheck=1|repo_gpgcheck=0|' /etc/yum.repos.d/" + prefix + ".repo"} {
		m.Sh(t, and)
		if code, out := m.ShCode(t, install); code == 0 {
			t.Errorf("signed by a key that the customer does not trust, and dnf took it:\n%s", out)
		}
	}
	m.Sh(t, "mv /etc/yum.repos.d/"+prefix+".repo.was /etc/yum.repos.d/"+prefix+".repo; dnf clean all")
	if code, _ := m.ShCode(t, "rpm -q "+prefix+"-4.2.0"); code == 0 {
		t.Error("a refused bundle is installed")
	}
}

// current narrows a pattern of generations to the one that the pointer names.
func (b *bucket) current(t *testing.T, pattern string) string {
	t.Helper()
	pointer, err := os.ReadFile(filepath.Join(b.folder, "stable", "mirrorlist"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(pattern, "/g/*/", "/g/"+filepath.Base(strings.TrimSpace(string(pointer)))+"/", 1)
}
