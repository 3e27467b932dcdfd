package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/rpmpack"
	"github.com/rogpeppe/go-internal/testscript"

	"onerpm/bundler/internal/rpmtest"
)

// mkrpm makes a small package: mkrpm FOLDER NAME EVR ARCH [requires=x] [provides=x]
// [obsoletes=x] [conflicts=x] [file=/path:body] [link=/path:target] [dir=/path]
// [config=/path:body for %config(noreplace), replaced=/path:body for %config, ghost=/path for %ghost %config]
// [SCRIPTLET=x] [TRIGGER=name:x], of any kind that rpm has.
// Equal arguments give equal bytes.
func mkrpm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: mkrpm FOLDER NAME EVR ARCH [KEY=VALUE]...")
	}
	epoch, rest, has := strings.Cut(args[2], ":")
	if !has {
		epoch, rest = "0", args[2]
	}
	version, release, _ := strings.Cut(rest, "-")
	meta := rpmpack.RPMMetaData{Name: args[1], Version: version, Release: release, Arch: args[3],
		Epoch: uint32(epoch[0] - '0'), BuildTime: time.Unix(1e9, 0), Licence: "Apache-2.0"}
	relations := map[string]*rpmpack.Relations{
		"requires": &meta.Requires, "provides": &meta.Provides, "obsoletes": &meta.Obsoletes, "conflicts": &meta.Conflicts}
	scripts := map[string]string{}
	var triggers []rpmtest.Trigger
	var files []rpmpack.RPMFile
	for _, a := range args[4:] {
		key, value, _ := strings.Cut(a, "=")
		switch to := relations[key]; {
		case to != nil:
			ts.Check(to.Set(value))
		case key == "file", key == "config", key == "replaced", key == "ghost", key == "link", key == "dir":
			name, body, _ := strings.Cut(value, ":")
			f := rpmpack.RPMFile{Name: name, Body: []byte(body), Mode: 0o100644, Owner: "root", Group: "root", MTime: 1e9}
			switch key {
			case "config":
				f.Type = rpmpack.ConfigFile | rpmpack.NoReplaceFile
			case "replaced":
				f.Type = rpmpack.ConfigFile
			case "ghost":
				f.Type = rpmpack.ConfigFile | rpmpack.GhostFile
			case "link":
				f.Mode = 0o120777
			case "dir":
				f.Mode = 0o040755
			}
			files = append(files, f)
		case strings.Contains(key, "trigger"):
			on, body, _ := strings.Cut(value, ":")
			triggers = append(triggers, rpmtest.Trigger{Kind: key, On: on, Body: body})
		default:
			scripts[key] = value
		}
	}
	r, err := rpmpack.NewRPM(meta)
	ts.Check(err)
	for _, f := range files {
		r.AddFile(f)
	}
	for kind, text := range scripts {
		ts.Check(rpmtest.AddScriptlet(r, kind, text))
	}
	ts.Check(rpmtest.AddTriggers(r, triggers))
	folder := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(folder, 0o755))
	f, err := os.Create(filepath.Join(folder, args[1]+"-"+version+"-"+release+"."+args[3]+".rpm"))
	ts.Check(err)
	ts.Check(r.Write(f))
	ts.Check(f.Close())
}
