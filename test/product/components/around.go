package main

import (
	"embed"

	"github.com/google/rpmpack"
)

//go:embed files/curator files/logstash files/postgresql
var aroundFiles embed.FS

func around(name string) []byte {
	body, err := aroundFiles.ReadFile("files/" + name)
	must(err)
	return body
}

// curator deletes old days of events and logs; the product's cron job calls it.
func curator() pkg {
	return pkg{name: "elasticsearch-curator", version: "3.2.3", release: "1", arch: "x86_64", date: "2015-07-16", summary: "Tends indices of Elasticsearch",
		files: []file{{path: "/opt/elasticsearch-curator", mode: isDir | 0o755}, {path: "/opt/elasticsearch-curator/curator", body: around("curator/curator.sh"), mode: 0o755},
			{path: "/usr/bin/curator", body: []byte("/opt/elasticsearch-curator/curator"), mode: isLink | 0o777}}}
}

// logstash writes events and logs into Elasticsearch.
func logstash(bin map[string][]byte) pkg {
	p := pkg{name: "logstash", version: "1.5.0", release: "1", arch: "noarch", date: "2015-05-14", summary: "An extensible logging pipeline"}
	p.files = []file{
		{path: "/opt/logstash", mode: isDir | 0o755, owner: "logstash"},
		{path: "/opt/logstash/bin/logstash", body: bin["logstash"], mode: 0o755},
		{path: "/etc/logstash/conf.d", mode: isDir | 0o755},
		{path: "/usr/lib/systemd/system/logstash.service", body: around("logstash/logstash.service")},
		{path: "/etc/logrotate.d/logstash", body: []byte("/var/log/logstash/*.log {\n    daily\n    rotate 7\n    copytruncate\n    missingok\n}\n"), kind: rpmpack.ConfigFile | rpmpack.NoReplaceFile},
		{path: "/var/log/logstash", mode: isDir | 0o755, owner: "logstash"},
	}
	p.pre, p.preun, p.postun = string(around("logstash/pre.sh")), string(around("logstash/preun.sh")), string(around("logstash/postun.sh"))
	return p
}

// postgresServer is the product's database server from 4.0 on, the same at every release. The programs are those of the machine,
// under which the server runs as Debian's unit; this package's own unit and its initdb script lead to that.
func postgresServer() pkg {
	p := pkg{name: "postgresql95-server", version: "9.5.3", release: "2PGDG.rhel7", arch: "x86_64", date: "2016-05-12",
		summary: "The programs needed to create and run a PostgreSQL server",
		files: []file{
			{path: "/usr/pgsql-9.5/bin/postgresql95-setup", body: around("postgresql/setup.sh"), mode: 0o755},
			{path: "/usr/lib/systemd/system/postgresql-9.5.service", body: around("postgresql/postgresql-9.5.service")},
			{path: "/usr/lib/systemd/system/postgresql@15-main.service.d/postgresql-9.5.conf", body: around("postgresql/part-of.conf")},
		}}
	p.post, p.preun, p.postun = string(around("postgresql/post.sh")), string(around("postgresql/preun.sh")), string(around("postgresql/postun.sh"))
	return p
}
