package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"onerpm/bundler/internal/store"
	"onerpm/test/s3server"
)

// world is a store for a test, and what others need to use it.
type world struct {
	store.Store
	address string
	env     []string // of a process that uses it
}

// everywhere runs a test with a directory and with a bucket.
func everywhere(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s, err := store.Open(t.Context(), dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, world{s, dir, os.Environ()})
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		test(t, bucket(t))
	})
}

// bucket starts a server with a bucket that everybody may read.
func bucket(t *testing.T) world {
	t.Helper()
	server := s3server.Start(t)
	readable(t, server)
	w := world{address: "s3://" + server.Bucket + "/up", env: append(os.Environ(), server.Env()...)}
	var err error
	if w.Store, err = store.Open(t.Context(), w.address, store.Options{AWS: server.Config()}); err != nil {
		t.Fatal(err)
	}
	return w
}

func readable(t *testing.T, server *s3server.Server) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, server.Bucket)
	if _, err := server.Client().PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &server.Bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
}

// names lists everything in a store.
func names(t testing.TB, s store.Store, prefix string) []string {
	t.Helper()
	var out []string
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Name)
	}
	return out
}

// dnf is a customer's, with nothing on the machine but this repository.
type dnf struct{ config string }

func newDnf(t testing.TB, s store.Store, channel string) dnf {
	t.Helper()
	dir := t.TempDir()
	key, err := filepath.Abs("../../../test/keys/demo.pub.asc")
	if err != nil {
		t.Fatal(err)
	}
	d := dnf{filepath.Join(dir, "dnf.conf")}
	text := fmt.Sprintf("[main]\ncachedir=%[1]s/cache\nlogdir=%[1]s\npersistdir=%[1]s/persist\nreposdir=%[1]s/none\nvarsdir=%[1]s/none\n"+
		"installroot=%[1]s/root\npluginpath=%[1]s/none\nassumeyes=1\nmetadata_expire=0\nretries=1\nkeepcache=1\n"+
		"[it]\nname=it\nmirrorlist=%[2]s\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://%[3]s\n", dir, s.URL(channel+"/mirrorlist"), key)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d dnf) run(args ...string) (string, error) {
	cmd := exec.Command("dnf", append([]string{"--config", d.config, "--releasever=1", "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// list returns the NEVRAs that dnf finds, sorted.
func (d dnf) list() ([]string, error) {
	out, err := d.run("repoquery", "--refresh", "--available", "--qf", "is %{name}-%{version}-%{release}.%{arch}\n")
	if err != nil {
		return nil, fmt.Errorf("dnf: %w\n%s", err, out)
	}
	var list []string
	for line := range strings.Lines(out) {
		if nevra, ok := strings.CutPrefix(strings.TrimSpace(line), "is "); ok {
			list = append(list, nevra)
		}
	}
	slices.Sort(list)
	return list, nil
}

func (d dnf) finds(t testing.TB, want ...string) {
	t.Helper()
	got, err := d.list()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("dnf finds %v, want %v (%v)", got, want, err)
	}
}
