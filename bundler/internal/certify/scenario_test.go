package certify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/test/need"
)

// TestArrangeBusy: where only the door is started, files of a package that changes are busy, so that nothing can be put in their
// place, until that is mended. Folders and links are left alone.
func TestArrangeBusy(t *testing.T) {
	t.Parallel()
	need.Root(t) // it mounts, in a namespace of its own
	dir, err := os.MkdirTemp("/var/tmp", "demo-*-certify")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := "#!/bin/sh\n[ \"$*\" = '-ql demo-service' ] && printf '%s\\n' " + dir + " " + dir + "/link " + dir + "/file\n"
	err = errors.Join(os.WriteFile(dir+"/rpm", []byte(program), 0o700), os.Symlink("rpm", dir+"/link"), os.WriteFile(dir+"/file", []byte("old"), 0o600)) //nolint:gosec // a program
	if err != nil {
		t.Fatal(err)
	}
	changes := pkg("demo-service", "2.0")
	changes.File = "packages/demo-service-2.0-1.noarch.rpm"
	m := &manifest.Manifest{Prefix: strings.TrimSuffix(filepath.Base(dir), "-certify"), New: []manifest.Package{pkg("demo-new", "2.0"), changes},
		Services: []manifest.Service{{Unit: "nginx", Door: true}}}
	r := &run{machine: Machine{Via: "unshare --mount --propagation private env PATH=" + dir + ":$PATH"}, m: m, before: looked("@@ packages\ndemo-service\t0:1.0-1.noarch\n")}
	f, err := r.arrange(t.Context())
	if err != nil || f.what != "rpm at demo-service" {
		t.Fatalf("%+v, %v", f, err)
	}
	got, err := r.machine.sh(t.Context(), f.make+"\ncd "+dir+"\necho new >new\nmv -f new file && echo 'not busy'\n[ -L link ] && mv -f link other && echo link\n"+f.mend+"\nmv -f new file && cat file")
	if err != nil || got.code != 0 || got.out != "link\nnew\n" || !strings.Contains(got.err, "Device or resource busy") {
		t.Errorf("exit %d, %v\n%s%s", got.code, err, got.out, got.err)
	}
	r.m.New = r.m.New[:1]
	if _, err := r.arrange(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing can be made to fail") {
		t.Errorf("nothing changes: %v", err)
	}
}
