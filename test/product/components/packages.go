package main

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/google/rpmpack"

	"onerpm/test/product/internal/product"
)

// influxDate is older than every release: the package is the same in all of them.
const influxDate = "2017-01-10"

// packages returns a release's packages. Names, versions, what they own and what their
// scriptlets do wrong are the real product's.
func packages(ctx context.Context, r product.Release, bin map[string][]byte) ([]pkg, error) {
	out := []pkg{restService(r, bin), managementWorker(r, bin), amqpInflux(r, bin), agents(r), influxdb(bin), cli(r, bin)}
	if r.Elasticsearch {
		es, err := elasticsearchPackage(ctx)
		return append(out, es, curator(), logstash(bin)), err
	}
	out = append(out, stage(r), postgresServer())
	switch r.Version {
	case "4.1.1":
		out = append(out, composer(r, "cloudify-blueprint-composer"))
	case "4.2.0":
		c := composer(r, "cloudify-composer")
		c.obsoletes = []string{"cloudify-blueprint-composer < 4.2.0"}
		out = append(out, c)
	}
	return out, nil
}

func base(r product.Release, name, arch, summary string) pkg {
	return pkg{name: name, version: r.Version, release: r.Tag, arch: arch, summary: summary}
}

func date(r product.Release) time.Time {
	t, err := time.Parse(time.DateOnly, r.Date)
	must(err)
	return t
}

func restService(r product.Release, bin map[string][]byte) pkg {
	p := base(r, "cloudify-rest-service", "x86_64", "REST service of Cloudify Manager")
	wheel := "/var/wheels/cloudify-rest-service/manager_rest-" + r.Version + ".tar.gz"
	p.requires = []string{"cloudify-agents = " + r.Version + "-" + r.Tag}
	p.files = []file{
		{path: wheel, body: archive(date(r),
			file{path: "bin/gunicorn", body: bin["restservice"], mode: 0o755},
			file{path: "lib/manager_rest-" + r.Version + ".dist-info/METADATA", body: metadata("manager_rest", r)},
			file{path: "lib/manager_rest/VERSION", body: []byte(r.Version + "\n")})},
		{path: "/opt/manager", mode: isDir | 0o755},
		{path: "/opt/manager/resources/cloudify", mode: isDir | 0o755},
		{path: "/opt/manager/resources/cloudify/types", mode: isDir | 0o755},
		{path: "/opt/manager/resources/cloudify/types/types.yaml", body: types(r)},
		{path: "/opt/manager/scripts", mode: isDir | 0o2755},
		{path: "/opt/manager/scripts/set-manager-ip", body: script("echo \"this manager's address is set by its configuration\""), mode: 0o750},
		{path: "/usr/share/doc/cloudify-rest-service/README", body: comment("REST service", r), kind: rpmpack.DocFile},
	}
	if !r.Elasticsearch {
		p.files = append(p.files, file{path: "/opt/manager/resources/rest-service", mode: isDir | 0o755},
			file{path: "/opt/manager/resources/rest-service/cloudify/migrations/env.py", body: comment("migrations", r)},
			file{path: "/opt/manager/resources/rest-service/cloudify/migrations/HEAD", body: []byte(r.Head + "\n")})
	}
	// as pip does it: what an older wheel left is taken away first
	p.post = `mkdir -p /opt/manager/env
rm -rf /opt/manager/env/lib
tar -xzf ` + wheel + ` -C /opt/manager/env --no-same-owner
`
	// the real product's, with its two mistakes: no look at $1, and a variable nobody sets
	p.postun = `rm -rf /opt/manager/resources
rm -rf /var/wheels/${package_name}
`
	return p
}

func managementWorker(r product.Release, bin map[string][]byte) pkg {
	p := base(r, "cloudify-management-worker", "x86_64", "Management worker of Cloudify Manager")
	wheel := "/var/wheels/cloudify-management-worker/cloudify_agent-" + r.Version + ".tar.gz"
	p.requires = []string{"cloudify-agents = " + r.Version + "-" + r.Tag}
	p.files = []file{
		{path: wheel, body: archive(date(r),
			file{path: "bin/celery", body: bin["mgmtworker"], mode: 0o755},
			file{path: "lib/cloudify_agent-" + r.Version + ".dist-info/METADATA", body: metadata("cloudify_agent", r)})},
		{path: "/usr/libexec/cloudify-mgmtworker", mode: isDir | 0o755},
		{path: "/usr/libexec/cloudify-mgmtworker/agent-runner", body: script("exec \"$@\""), mode: 0o4750},
	}
	p.post = `mkdir -p /opt/mgmtworker/env
rm -rf /opt/mgmtworker/env/lib
tar -xzf ` + wheel + ` -C /opt/mgmtworker/env --no-same-owner
`
	p.postun = `rm -rf /var/wheels/${package_name}
`
	return p
}

func amqpInflux(r product.Release, bin map[string][]byte) pkg {
	p := base(r, "cloudify-amqp-influx", "x86_64", "Carries metrics from the broker to the metrics database")
	if !r.Elasticsearch && !r.Availability { // before and after it is numbered like the rest: from 4.1.1 to 4.2.0 the number goes down
		p.version, p.release = r.Package, "community"
	}
	p.files = []file{
		{path: "/opt/amqpinflux", mode: isDir | 0o755},
		{path: "/opt/amqpinflux/env/bin/cloudify-amqp-influxdb", body: bin["amqpinflux"], mode: 0o755},
		{path: "/opt/amqpinflux/env/VERSION", body: []byte(r.Version + "\n")},
	}
	return p
}

func agents(r product.Release) pkg {
	p := base(r, "cloudify-agents", "noarch", "Agent packages that Cloudify Manager serves")
	for _, platform := range []string{"centos-core", "ubuntu-trusty-trusty"} {
		p.files = append(p.files, file{
			path: "/opt/manager/resources/packages/agents/" + platform + "-agent.tar.gz",
			body: archive(date(r), file{path: "cloudify/VERSION", body: []byte(r.Version + "\n")},
				file{path: "cloudify/PLATFORM", body: []byte(platform + "\n")},
				file{path: "cloudify/env/bin/cfy-agent", body: script("echo " + r.Version), mode: 0o755}),
		})
	}
	return p
}

//go:embed files/stage.html
var stagePage string

func stage(r product.Release) pkg {
	p := base(r, "cloudify-stage", "noarch", "Web interface of Cloudify Manager")
	p.version, p.release = r.Package, "community"
	settings := `{
  "title": "Cloudify Manager",
  "pollingTimeSec": 5,
  "maxWidgets": 20%s
}
`
	more := ""
	if r.Version == "4.2.0" {
		more = ",\n  \"whiteLabel\": { \"enabled\": false }"
	}
	rotation := `/var/log/cloudify/stage/*.log {
    daily
    missingok
    notifempty
    copytruncate
    rotate 7
%s}
`
	compress := ""
	if r.Version == "4.2.0" {
		compress = "    compress\n    delaycompress\n"
	}
	p.files = []file{
		{path: "/opt/cloudify-stage", mode: isDir | 0o755},
		{path: "/opt/cloudify-stage/dist/index.html", body: page(stagePage, "Cloudify Manager", r)},
		{path: "/opt/cloudify-stage/dist/version.json", body: fmt.Appendf(nil, "{\"version\": %q}\n", r.Version)},
		{path: "/etc/cloudify/stage.json", body: fmt.Appendf(nil, settings, more), kind: rpmpack.ConfigFile | rpmpack.NoReplaceFile},
		{path: "/etc/logrotate.d/cloudify-stage", body: fmt.Appendf(nil, rotation, compress), kind: rpmpack.ConfigFile},
	}
	return p
}

//go:embed files/composer-nginx.conf
var composerConf string

func composer(r product.Release, name string) pkg {
	p := base(r, name, "noarch", "Composer of blueprints for Cloudify Manager")
	p.files = []file{
		{path: "/opt/" + name, mode: isDir | 0o755},
		{path: "/opt/" + name + "/nginx.conf", body: []byte(strings.ReplaceAll(composerConf, "@NAME@", name))},
		{path: "/opt/" + name + "/dist/index.html", body: page(stagePage, "Composer", r)},
	}
	return p
}

func influxdb(bin map[string][]byte) pkg {
	return pkg{name: "cloudify-influxdb", version: "0.8.8", release: "1", arch: "x86_64", date: influxDate,
		summary: "Metrics database of Cloudify Manager",
		files: []file{
			{path: "/opt/influxdb", mode: isDir | 0o755},
			{path: "/opt/influxdb/influxdb", body: bin["influxdb"], mode: 0o755},
		}}
}

func cli(r product.Release, bin map[string][]byte) pkg {
	p := base(r, "cloudify-cli", "x86_64", "Command line of Cloudify Manager")
	p.files = []file{
		{path: "/opt/cfy", mode: isDir | 0o755},
		{path: "/opt/cfy/bin/cfy", body: bin["cfy"], mode: 0o755},
		{path: "/usr/bin/cfy", body: []byte("/opt/cfy/bin/cfy"), mode: isLink | 0o777},
	}
	return p
}

func script(body string) []byte { return []byte("#!/bin/sh\n" + body + "\n") }

func comment(what string, r product.Release) []byte {
	return fmt.Appendf(nil, "# %s of the demo product, release %s\n", what, r.Version)
}

func metadata(name string, r product.Release) []byte {
	return fmt.Appendf(nil, "Metadata-Version: 2.0\nName: %s\nVersion: %s\n", name, r.Version)
}

func types(r product.Release) []byte {
	return fmt.Appendf(nil, "tosca_definitions_version: cloudify_dsl_1_3\n\n# release %s\nnode_types:\n  cloudify.nodes.Root: {}\n"+
		"  cloudify.nodes.Compute:\n    derived_from: cloudify.nodes.Root\n", r.Version)
}

func page(template, title string, r product.Release) []byte {
	return []byte(strings.NewReplacer("@TITLE@", title, "@VERSION@", r.Version).Replace(template))
}
