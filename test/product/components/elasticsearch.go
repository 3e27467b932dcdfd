package main

import (
	"context"
	"embed"
	"os"
	"path/filepath"

	"github.com/google/rpmpack"

	"onerpm/test/product/elasticsearch"
)

//go:embed files/elasticsearch
var elasticsearchFiles embed.FS

// elasticsearchPackage is the store of the releases before 4.0. It is a real Elasticsearch; the package around it has what an upgrade
// meets of the real one, with its traps: %postun deletes the user and group whose data stays, and calls itself wrong when a package
// takes the place of this one; %pre and %post know no third package of a name, as a killed transaction leaves them.
func elasticsearchPackage(ctx context.Context) (pkg, error) {
	p := pkg{name: "elasticsearch", version: elasticsearch.Version, release: "1", arch: "noarch", date: "2015-06-09",
		summary: "Elasticsearch, a distributed search and analytics engine"}
	folder, err := elasticsearch.Jars(ctx)
	if err != nil {
		return p, err
	}
	jars, err := os.ReadDir(folder)
	if err != nil {
		return p, err
	}
	const home = "/usr/share/elasticsearch"
	p.files = []file{{path: home, mode: isDir | 0o755}, {path: home + "/bin", mode: isDir | 0o755}, {path: home + "/lib", mode: isDir | 0o755}}
	for _, jar := range jars {
		body, err := os.ReadFile(filepath.Join(folder, jar.Name()))
		if err != nil {
			return p, err
		}
		p.files = append(p.files, file{path: home + "/lib/" + jar.Name(), body: body})
	}
	text := func(name string) []byte {
		body, err := elasticsearchFiles.ReadFile("files/elasticsearch/" + name)
		must(err)
		return body
	}
	const config = rpmpack.ConfigFile | rpmpack.NoReplaceFile
	p.files = append(p.files,
		file{path: home + "/bin/elasticsearch", body: text("start.sh"), mode: 0o755},
		file{path: "/etc/elasticsearch", mode: isDir | 0o755},
		file{path: "/etc/elasticsearch/elasticsearch.yml", body: text("elasticsearch.yml"), kind: config},
		file{path: "/etc/elasticsearch/logging.yml", body: text("logging.yml"), kind: config},
		file{path: "/etc/sysconfig/elasticsearch", body: text("sysconfig"), kind: config},
		file{path: "/usr/lib/systemd/system/elasticsearch.service", body: text("elasticsearch.service")},
		file{path: "/usr/lib/sysctl.d/elasticsearch.conf", body: text("sysctl.conf"), kind: config},
		file{path: "/usr/lib/tmpfiles.d/elasticsearch.conf", body: text("tmpfiles.conf"), kind: config})
	for _, dir := range []string{"/var/lib/elasticsearch", "/var/log/elasticsearch", "/var/run/elasticsearch"} {
		p.files = append(p.files, file{path: dir, mode: isDir | 0o755, owner: "elasticsearch"})
	}
	p.pre, p.post, p.preun, p.postun = string(text("pre.sh")), string(text("post.sh")), string(text("preun.sh")), string(text("postun.sh"))
	return p, nil
}
