package fleet

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/test/fleet/runcommand"
	"onerpm/test/host"
	"onerpm/test/need"
)

// booted is a test machine that a document is played on.
type booted struct {
	*host.Machine
	ctx context.Context
}

func (b booted) Put(path string, content []byte) error {
	if r, err := b.Run(b.ctx, "mkdir", "-p", filepath.Dir(path)); err != nil || r.Code != 0 {
		return err
	}
	return b.WriteFile(path, content, 0o600)
}

func (b booted) Script(script string) (stdout, stderr string, code int, err error) {
	r, err := b.Run(b.ctx, "/bin/sh", "-c", script)
	return r.Stdout, r.Stderr, r.Code, err
}

// TestDocumentOnMachine plays the Command document on a machine of the demo product, as what runs there for AWS does; what
// it prints is put where Run Command puts it in a bucket, and understood by the bundler.
func TestDocumentOnMachine(t *testing.T) {
	t.Parallel()
	need.Root(t)
	const url, id = "https://downloads.s3.amazonaws.com/cloudify-upgrade-4.2.0.rpm", "i-0123456789abcdef0"
	f := &fleet{t: t, dir: t.TempDir()}
	bundle := f.project("dist/" + prefix + "-4.2.0.rpm")
	sum, err := os.ReadFile(bundle + ".sha256")
	if err != nil {
		t.Fatal(err)
	}
	document, err := runcommand.Read(f.project("payload-scripts/fleet/ssm/command.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := booted{host.Start(t, host.Options{Release: "4.1.1", Data: true}), t.Context()}
	for _, c := range []struct{ task, want string }{
		{"check", `"verdict": "ready"`}, {"rehearse", `"problems": `}, {"upgrade", `"outcome": "upgraded"`}, {"report", `"outcome": "upgraded"`}, {"upgrade", `"verdict": "nothing-to-do"`},
	} {
		p, err := document.Play(m, map[string]string{url: bundle}, map[string]string{"Task": c.task, "BundleUrl": url, "BundleSha256": strings.Fields(string(sum))[0]})
		if err != nil || p.Code != 0 || !json.Valid([]byte(p.Stdout)) || !strings.Contains(p.Stdout, c.want) {
			t.Fatalf("%s: exit %d, %v\n%s\n%s", c.task, p.Code, err, p.Stdout, p.Stderr)
		}
		f.write("bucket/"+c.task+"/0a1b/"+id+"/awsrunShellScript/Work/stdout", p.Stdout)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", "-buildvcs=false", "onerpm/bundler", "fleet", "report", f.dir+"/bucket").CombinedOutput()
	if err != nil || !strings.Contains(string(out), id+"  4.1.1  4.2.0  upgraded") {
		t.Errorf("%v\n%s", err, out)
	}
}
