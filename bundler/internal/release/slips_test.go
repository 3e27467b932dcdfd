package release_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/release"
)

// slip is one thing that a person can write wrong: a text of a file of the good project,
// what stands there instead, and what Load says of it.
type slip struct {
	old, new string
	at       string // line:column
	want     string // what and, when it is short, what is allowed
	others   int    // further mistakes that follow from it
}

// slips are by file, in the order of the file's text.
var slips = map[string][]slip{
	"versions/product.yaml": {
		{"product: Demo", "product: ", "1:9", "no value; write one, or leave the key out", 0},
		{"product: Demo", "product: [a]", "1:10", "a list where one value is expected", 0},
		{"prefix: demo-upgrade", "prefix: Demo", "2:9", `"Demo" is not a valid prefix; a prefix has lower case letters, digits and single dashes`, 0},
		{"prefix: demo-upgrade", "prefix: demo--upgrade", "2:9", `"demo--upgrade" is not a valid prefix; a prefix has lower case letters, digits and single dashes`, 0},
		{"prefix: demo-upgrade", "prefix: -demo", "2:9", `"-demo" is not a valid prefix; a prefix has lower case letters, digits and single dashes`, 0},
		{"prefix: demo-upgrade", "prefix: demo+upgrade", "2:9", `"demo+upgrade" is not a valid prefix; a prefix has lower case letters, digits and single dashes`, 0},
		{"prefix: demo-upgrade", "prefix: ''", "2:9", "prefix is empty; the first part of every bundle's name", 0},
		{"vendor: Example\n", "", "1:1", "no vendor; who makes the bundles", 0},
		{"vendor: Example", "vendor:", "3:8", "no value; write one, or leave the key out", 0},
		{"license: Apache-2.0", "license: ''", "4:10", "license is empty; the bundles' license, as in rpm's License tag", 0},
		{"keys: [ 1b", "keys: [ b", "5:9", `"b672ed5d9b3b149debae51042ca54da4cb36c6e" is not a valid key; a fingerprint has 40 hexadecimal digits`, 1},
		{"keys: [ 1b672ed5d9b3b149debae51042ca54da4cb36c6e ]", "keys: 1b672ed5d9b3b149debae51042ca54da4cb36c6e", "5:7", `"1b672ed5d9b3b149debae51042ca54da4cb36c6e" where a list is expected`, 1},
		{"keyring: keys.asc", "keyring: nokeys.asc", "6:10", "versions/nokeys.asc is not there", 1},
		{"keyring: keys.asc", "keyring: /etc/keys.asc", "6:10", `"/etc/keys.asc" leaves the folder or is not written plainly; a path inside versions/, without . and ..`, 1},
		{"keyring: keys.asc", "keyring: ../keys.asc", "6:10", `"../keys.asc" leaves the folder or is not written plainly; a path inside versions/, without . and ..`, 1},
		{"keyring: keys.asc", "keyring: ./keys.asc", "6:10", `"./keys.asc" leaves the folder or is not written plainly; a path inside versions/, without . and ..`, 0},
		{"keyring: keys.asc", "keyring: 1.0", "6:10", "versions/1.0 is no regular file", 1},
		{"source: dist/components", "source: gopher://x", "7:9", `"gopher://x" is no source (gopher)`, 0},
		{"source: dist/components", "source: yum+dist", "7:9", `"yum+dist" is no source (yum+dist)`, 0},
		{"postgresql: 9.5", "postgresql: 9", "8:13", `"9" is not a valid postgresql; the oldest version that customers run, as 9.5 or 10`, 0},
		{"postgresql: 9.5", "postgresql: 10.3", "8:13", `"10.3" is not a valid postgresql; the oldest version that customers run, as 9.5 or 10`, 0},
		{"version: 0.9", "version: 0/9", "10:14", `"0/9" is not a valid version; a version has letters, digits and . _ + ~ ^`, 1},
		{"version: 0.9", "version: 1.0", "10:14", "the jump 1.0-1.1 starts at 1.0; a release from which no jump starts; take it out, or remove the jump", 1},
		{"unreached:\n", "unreached:\n  - { version: 0.9, why: before }\n", "11:14", "release 0.9 stands here twice", 0},
		{"why: its data must first come from files", "why: ''", "11:10", "why is empty; what must happen first; paths shows it", 1},
		{"unreached:\n", "unreached:\n  - why: no version\n", "10:5", "no version; the release that no jump starts from", 0},
		{"product: Demo", "product: Demo\nProduct: Demo", "2:1", `unknown key "Product"`, 0},
		{"product: Demo", "product: Demo\nproduct: Twice", "2:1", `key "product" stands here twice; the first is on line 1`, 0},
	},
	"versions/1.0.yaml": {
		{"version: 1.0", "version: 1.1", "1:10", "version 1.1 stands in the file of 1.0; the file is named after the version", 0},
		{"date: 2020-01-01", "date: 2020-01-01\nnotes: ../README.md", "3:8", `"../README.md" leaves the folder or is not written plainly; a path inside versions/, without . and ..`, 0},
		{"date: 2020-01-01", "date: 2020-01-01\nnotes: 1.0.md", "3:8", "versions/1.0.md is not there", 0},
		{"date: 2020-01-01", "date: 2020-02-30", "2:7", `"2020-02-30" is no date; the day of the release as YYYY-MM-DD`, 0},
		{"date: 2020-01-01", "date: 1.1.2020", "2:7", `"1.1.2020" is no date; the day of the release as YYYY-MM-DD`, 0},
		{"date: 2020-01-01\n", "", "1:1", "no date; the day of the release as YYYY-MM-DD", 0},
		{"status: ended", "status: Ended", "3:9", `"Ended" is not a valid status; allowed: supported, ended, planned`, 0},
		{"status: ended", "status: ''", "3:9", "status is empty; allowed: supported, ended, planned", 0},
		{"platforms: [ el7.x86_64 ]", "platforms: []", "4:12", "platforms is empty; what it runs on, e.g. el7.x86_64", 0},
		{"platforms: [ el7.x86_64 ]", "platforms: [ el7.x86_64, EL7.x86_64 ]", "4:26", `"EL7.x86_64" is not a valid platform; e.g. el7.x86_64`, 0},
		{"platforms: [ el7.x86_64 ]", "platforms: el7.x86_64", "4:12", `"el7.x86_64" where a list is expected`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo service, evr: 1.0-1, arch: x86_64", "6:13", `"demo service" is not a valid name; a name has letters, digits and . _ + -`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: 1.0, arch: x86_64", "6:32", `"1.0" is not a valid evr; [epoch:]version-release, of letters, digits and . _ + ~ ^`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: a:1.0-1, arch: x86_64", "6:32", `"a:1.0-1" is not a valid evr; [epoch:]version-release, of letters, digits and . _ + ~ ^`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: 1.0-1-1, arch: x86_64", "6:32", `"1.0-1-1" is not a valid evr; [epoch:]version-release, of letters, digits and . _ + ~ ^`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: 1.0-1, arch: amd64", "6:45", `"amd64" is not a valid arch`, 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: 1.0-1, arch: aarch64", "6:45", "no platform of the release takes aarch64; the platforms are: el7.x86_64", 0},
		{"name: demo-service, evr: 1.0-1, arch: x86_64", "name: demo-service, evr: 1.0-1", "6:5", "no arch", 0},
		{"arch: x86_64 }", "arch: x86_64, size: 0 }", "6:59", "0 is no size; the bytes of the RPM; bundler lock fills it in", 0},
		{"arch: x86_64 }", "arch: x86_64, size: -3 }", "6:59", "-3 is no size; the bytes of the RPM; bundler lock fills it in", 1},
		{"arch: x86_64 }", "arch: x86_64, size: big }", "6:59", `"big" is no whole number`, 0},
		{"arch: x86_64 }", "arch: x86_64, size: 1.5 }", "6:59", `"1.5" is no whole number`, 0},
		{"- { name: demo-service, evr: 1.0-1, arch: x86_64 }", "- { name: demo-service, evr: 1.0-1, arch: x86_64, size: 3 }", "6:5", "sha256 and size stand together or not at all; bundler lock 1.0 fills both in", 0},
		{"arch: x86_64 }", "arch: x86_64, sha256: 00 }", "6:61", `"00" is not a valid sha256; 64 hexadecimal digits in lower case; bundler lock fills it in`, 1},
		{"arch: x86_64 }", "arch: x86_64, optional: 1 }", "6:63", `"1" is neither true nor false`, 0},
		{"arch: x86_64 }", "arch: x86_64, source: http:// }", "6:61", `"http://" is no source (http)`, 0},
		{"arch: x86_64 }", "arch: x86_64, digest: 1 }", "6:53", `unknown key "digest"`, 0},
		{"  - { name: demo-ui", "  - { name: demo-service, evr: 2-1, arch: noarch }\n  - { name: demo-ui", "7:13", "package demo-service stands here twice; the first is on line 6", 0},
	},
	"versions/1.1.yaml": {
		{"key: 1B672ED5D9B3B149DEBAE51042CA54DA4CB36C6E", "key: 0000000000000000000000000000000000000000", "5:6", "the key is not among the keys of versions/product.yaml", 0},
		{"key: 1B672ED5D9B3B149DEBAE51042CA54DA4CB36C6E", "key: 1B67", "5:6", `"1B67" is not a valid key; a fingerprint has 40 hexadecimal digits`, 0},
		{", optional: true, source: yum+https://example.org/el7/", ", optional: false, source: yum+https://example.org/el7/", "12:61", "demo-ui is optional in one of 1.0 and 1.1: nothing says what a host without it gets; the same in both", 0},
	},
	"versions/2.0.yaml": {
		{"arch: x86_64 }", "arch: x86_64 }\n  - { name: demo-new, evr: 1-1, arch: noarch, optional: true }", "8:57", "demo-new is optional, but new since 1.1: nothing says which hosts get it; leave optional out", 0},
	},
	"versions/installed-base.yaml": {
		{"release: 1.0, customers: 40", "release: 7.0, customers: 40", "2:16", "there is no release 7.0", 0},
		{"release: 1.0, customers: 40", "customers: 40", "2:5", "no release; the release that customers run", 0},
		{"release: 1.0, customers: 40", "release: 1.0, customers: -1", "2:32", "customers is negative", 0},
		{"release: 1.0, customers: 40", "release: 1.0, customers: many", "2:32", `"many" is no whole number`, 0},
		{"release: 0.9, customers: 3", "release: 1.0, customers: 3", "3:16", "release 1.0 stands here twice", 0},
		{"installed:", "instaled:", "1:1", `unknown key "instaled"`, 0},
	},
	"specs/1.0-1.1/upgrade.yaml": {
		{`    to: demo
`, `    to: other
`, "47:9", `there is no database "other"; the name of an entry of databases`, 0},
		{`format: env, key: PORT }`, `format: env, key: NOKEY }`, "48:70", `release 1.0's /etc/sysconfig/demo has no key NOKEY`, 0},
		{`as: pickle,`, `as: marshal,`, "59:38", `"marshal" is none of text, integer, boolean, time, wall, json, json-text, pickle`, 0},
		{`from: a."b.c"`, `from: a."b.c`, "59:25", `"a.\"b.c" is no path: a quote that is not closed`, 0},
		{`[ 1.0, null ]`, `[ 1.0, &x null ]`, "59:76", `anchors, aliases and merge keys are not read here`, 0},
		{`{ row: things,`, `{ row: none,`, "66:25", `no table none stands before`, 0},
		{`"<<broker>>"`, `"<<proxy>>"`, "67:112", `values has no "proxy"`, 0},
		{`marked: big`, `marked: small`, "67:98", `things has no mark "small"`, 0},
		{`lacking: { value: { x`, `lacking: { value: &x { x`, "59:64", `anchors, aliases and merge keys are not read here`, 0},
		{`as: pickle, lacking: { value: { x: [ 1.0, null ] } }`, `as: pickle, lacking: { from: a, value: 1 }`, "59:55", `2 of skip, null, fail, value and from`, 0},
		{`body: {`, `bodies: {`, "59:11", `column bodies: the database has no such column`, 0},
		{`note: null }`, `notes: null }`, "55:46", `column notes: the database has no such column`, 0},
		{`id: { from: id, required: true }`, `id: { from: id, required: false }`, "57:11", `column id: it is NOT NULL, so it is required`, 0},
		{`as: pickle,`, `as: integer,`, "59:38", `column body: it is bytea, which takes no value of kind integer`, 1},
		{`untouched: { tenants: the migration makes the one there is }`, `untouched: {}`, "51:7", `no documents are read for tenants; an entry of tables for each`, 0},
		{`untouched: { tenants: t`, `untouched: { t: who knows, tenants: t`, "68:18", `no expand migration of database demo makes a table t`, 0},
		{`lacking: skip`, `lacking: drop`, "66:60", `"drop" is none of skip, null, fail`, 0},
		{"revision: 1\n", "revision: -1\n", "3:11", "revision is -1; 1 for the first bundle, one more for every further", 0},
		{"revision: 1\n", "revision: one\n", "3:11", `"one" is no whole number`, 0},
		{"revision: 1\n", "revision: 3000000000000000000000\n", "3:11", `"3000000000000000000000" is no whole number`, 0},
		{"revision: 1\n", "", "1:1", "no revision; 1 for the first bundle, one more for every further", 0},
		{"unit: demo-service", "unit: demo.mount", "5:11", `"demo.mount" is no unit of a product`, 0},
		{"unit: demo-service", "unit: demo@", "5:11", `"demo@" is no unit of a product; it is a template: name its instances, e.g. demo@1`, 0},
		{"unit: demo-service", "unit: 'demo service'", "5:11", `"demo service" is no unit of a product`, 0},
		{"unit: demo-service", "unit: ''", "5:11", "unit is empty; the systemd unit, without .service", 0},
		{"unit: demo-service", "unit:", "5:10", "no value; write one, or leave the key out", 0},
		{"unit: nginx", "unit: nginx.service", "12:11", `"nginx.service" is no unit of a product; it ends in .service: leave that out`, 0},
		{"unit: nginx", "unit: demo-service", "12:11", "unit demo-service stands here twice; the first is on line 5", 0},
		{"    door: true", "    door: truly", "13:11", `"truly" is neither true nor false`, 0},
		{"    verify: nginx -t", "    verfy: nginx -t", "14:5", `unknown key "verfy"`, 0},
		{"    verify: nginx -t", "    only: both", "14:11", `"both" is neither old nor new`, 0},
		{"http: http://127.0.0.1:8100/version", "http: http://demo.example/version", "7:13", `"http://demo.example/version" does not ask this machine over http or https`, 0},
		{"http: http://127.0.0.1:8100/version", "http: file:///etc/passwd", "7:13", `"file:///etc/passwd" does not ask this machine over http or https`, 0},
		{"http: http://127.0.0.1:8100/version", "http: http://user:pw@127.0.0.1:8100/", "7:13", `"http://user:pw@127.0.0.1:8100/" does not ask this machine over http or https`, 0},
		{"http: http://127.0.0.1:8100/version", "http: http://0.0.0.0:8100/", "7:13", `"http://0.0.0.0:8100/" does not ask this machine over http or https`, 0},
		{"http: http://127.0.0.1:8100/version", "http: ''", "7:13", "http is empty; a URL on this machine, e.g. http://127.0.0.1:8100/version", 0},
		{"headers: { file: /etc/demo/headers }", "headers: { file: headers }", "8:24", `"headers" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"headers: { file: /etc/demo/headers }", "headers: { file: /etc/demo/ }", "8:24", `"/etc/demo/" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"headers: { file: /etc/demo/headers }", "headers: {}", "8:16", "no file; the file on the host with the headers", 0},
		{"headers: { file: /etc/demo/headers }", "headers: /etc/demo/headers", "8:16", `"/etc/demo/headers" where a mapping with the keys file is expected`, 1},
		{"headers: { file: /etc/demo/headers }", "address: { file: conf, format: yaml, host: h }", "8:24", `"conf" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"headers: { file: /etc/demo/headers }", "address: { file: /etc/conf, format: text, host: h }", "8:43", `"text" is not a valid format; allowed: json, yaml, env, ini, toml, properties`, 0},
		{"headers: { file: /etc/demo/headers }", "address: { file: /etc/conf, format: yaml }", "8:16", "no host; the key that holds the host", 0},
		{"headers: { file: /etc/demo/headers }", "headers: { file: /etc/demo/headers }\n      address: { file: /etc/conf, format: yaml, host: h }", "9:16", "headers would go to whatever host the product's configuration names; an address, or headers, which must not leave the machine", 0},
		{"expect: { status: 200,", "expect: { status: 600,", "9:25", "600 is no HTTP status", 0},
		{"expect: { status: 200,", "expect: { status: OK,", "9:25", `"OK" is no whole number`, 0},
		{"expect: { status: 200,", "expect: { status: 0,", "9:25", "0 is no HTTP status", 0},
		{"json: { version: 1.1 }", "json: [ version ]", "9:36", "a list where a mapping is expected", 0},
		{"json: { version: 1.1 }", "json: { version: [1.1] }", "9:47", "a list where one value is expected", 0},
		{"      within: 60s", "      within: 60", "10:15", `"60" is no duration such as 500ms, 60s or 5m`, 0},
		{"      within: 60s", "      within: 0s", "10:15", "within is no time at all; how long the unit may take to become healthy, e.g. 60s", 0},
		{"      within: 60s", "      within: -1s", "10:15", `"-1s" is negative`, 0},
		{`drain: { query: "select 0"`, `drain: { store: nope`, "11:21", `drain asks the store "nope", and there is none of that name`, 0},
		{`drain: { query: "select 0"`, `drain: { store: storage`, "11:21", `drain asks the store "storage", and no column of it has final values`, 0},
		{`drain: { query: "select 0"`, `drain: { query: "select 0", store: storage`, "11:40", "drain asks a store or a database, not both", 0},
		{"    verify: nginx -t", "    source: true", "14:13", "a source lets no clients in: it is no door", 0},
		{"  - name: demo\n    connection:", "  - name: demo\n    only: old\n    connection:", "29:11", "a database that the new release does not have is none of its business: only: new, or nothing", 0},
		{"  - name: demo\n    connection:", "  - name: demo\n    only: new\n    connection:", "11:12", "only the new release has the database demo; a database in which the old release notes its work, or a store", 3},
		{`drain: { query: "select 0"`, `drain: { query: ""`, "11:21", "query is empty; SQL that returns how many things are under way", 0},
		{"within: 5m, else: refuse", "within: 5 minutes, else: refuse", "11:41", `"5 minutes" is no duration such as 500ms, 60s or 5m`, 0},
		{"within: 5m, else: refuse", "within: 5m, else: wait", "11:51", `"wait" is not a valid else; allowed: refuse, proceed`, 0},
		{"within: 5m, else: refuse", "within: 5m, else: refuse, database: other", "11:69", `there is no database "other"; the name of an entry of databases`, 0},
		{"demo-service-1.0-1: { postun: it deletes too much }", "demo-service-1.0: { postun: it deletes too much }", "16:11", "neither release has a package demo-service-1.0; name-version-release of a component", 0},
		{"demo-service-1.0-1: { postun: it deletes too much }", "demo-service-1.0-1: { verify: it deletes too much }", "16:33", `"verify" is no kind of scriptlet; allowed: pre, post, preun, postun`, 0},
		{"demo-service-1.0-1: { postun: it deletes too much }", "demo-service-1.0-1: { triggerin: it deletes too much }", "16:33", "rpm cannot leave out %triggerin alone; allowed: pre, post, preun, postun", 0},
		{"demo-service-1.0-1: { postun: it deletes too much }", "demo-service-1.0-1: { postun: '' }", "16:33", "no reason; say why the scriptlet must not run, or may", 0},
		{"demo-service-1.0-1: { postun: it deletes too much }", "demo-service-1.0-1: postun", "16:31", `"postun" where a mapping is expected`, 0},
		{"keep: { demo-service-1.1-1: { post: it fills a folder } }", "keep: { demo-service-1.1-1: { verify: it fills a folder } }", "17:33", `"verify" is no kind of scriptlet`, 0},
		{"keep: { demo-service-1.1-1: { post: it fills a folder } }", "keep: { demo-service-1.0-1: { postun: both } }", "17:33", "the scriptlet is both skipped and kept", 0},
		{"keep: { demo-service-1.1-1: { post: it fills a folder } }", "host: erlang", "17:9", `"erlang" where a list is expected`, 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ opt/demo/env, /opt/demo/data ]", "18:10", `"opt/demo/env" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /opt/demo/data/ ]", "18:25", `"/opt/demo/data/" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /opt/demo/./data ]", "18:25", `"/opt/demo/./data" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, / ]", "18:25", `"/" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /opt/demo/env ]", "18:25", "/opt/demo/env overlaps with /opt/demo/env on line 18; a folder stands for all that is in it", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /opt/demo ]", "18:25", "/opt/demo overlaps with /opt/demo/env on line 18; a folder stands for all that is in it", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /opt/demo/env/lib ]", "18:25", "/opt/demo/env/lib overlaps with /opt/demo/env on line 18; a folder stands for all that is in it", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /var/lib/demo-upgrade ]", "18:25", "/var/lib/demo-upgrade holds or lies in the upgrade's own /var/lib/demo-upgrade", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ /opt/demo/env, /var/lib ]", "18:25", "/var/lib holds or lies in the upgrade's own /var/lib/demo-upgrade", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: /opt/demo/env", "18:8", `"/opt/demo/env" where a list is expected`, 0},
		{"  - target: /etc/sysconfig/demo\n", "  - target: /etc/sysconfig/other\n", "20:13", "neither release has a file /etc/sysconfig/other", 1},
		{"  - target: /etc/sysconfig/demo\n", "  - target: sysconfig/demo\n", "20:13", `"sysconfig/demo" is no path on the host; an absolute path, without . and .. and a slash at the end`, 1},
		{"SECRET: { random: 32 }", "SECRET: { random: 0 }", "21:30", "0 characters; from 1 to 4096", 0},
		{"SECRET: { random: 32 }", "SECRET: { random: 5000 }", "21:30", "5000 characters; from 1 to 4096", 0},
		{"SECRET: { random: 32 }", "SECRET: { random: much }", "21:30", `"much" is no whole number`, 0},
		{"SECRET: { random: 32 }", "SECRET: { random: 32, copy: PORT }", "21:12", "SECRET is set to 2 things; a value, or exactly one of random and copy", 0},
		{"SECRET: { random: 32 }", "SECRET: {}", "21:12", "SECRET is set to 0 things; a value, or exactly one of random and copy", 0},
		{"SECRET: { random: 32 }", "SECRET: { rnadom: 32 }", "21:22", `unknown key "rnadom"`, 0},
		{"OLD: { copy: PORT }", "OLD: { copy: NOWHERE }", "21:63", "release 1.0's /etc/sysconfig/demo has no key NOWHERE to copy from", 0},
		{"OLD: { copy: PORT }", "NEWER: 1", "21:50", "neither release's /etc/sysconfig/demo has the key NEWER; a key of the file, as a.b.c", 0},
		{`policy: { "*": old }`, `policy: { "*": host }`, "22:20", `"host" is neither old nor new`, 0},
		{`policy: { "*": old }`, `policy: { "": old }`, "22:15", `an empty key; a key, or "*" for all`, 0},
		{`policy: { "*": old }`, "format: hocon", "22:13", `"hocon" is not a valid format; allowed: json, yaml, env, ini, toml, properties, text`, 0},
		{`policy: { "*": old }`, "owner: Demo", "22:12", `"Demo" is not a valid owner; the name of a user`, 0},
		{`policy: { "*": old }`, "group: -demo", "22:12", `"-demo" is not a valid group; the name of a group`, 0},
		{"mode: 0640", "mode: 0888", "23:11", `"0888" is not a valid mode; octal, e.g. 0644`, 0},
		{"mode: 0640", "mode: 04755", "23:11", `"04755" is not a valid mode; octal, e.g. 0644`, 0},
		{"mode: 0640", "mode: rw", "23:11", `"rw" is not a valid mode; octal, e.g. 0644`, 0},
		{"package: demo-service\n", "package: demo-other\n", "25:14", "neither release has a package demo-other; the name of a component", 0},
		{"    policy: { port: old }", "    policy: { port: old }\n    mode: 0644", "27:11", "a package gives its file the mode itself; leave it out", 0},
		{"    policy: { port: old }", "    policy: { port: old }\n  - target: /etc/demo/packaged.json\n    package: demo-service", "27:13", "file /etc/demo/packaged.json stands here twice; the first is on line 24", 0},
		{"- name: demo\n", "- name: Demo\n", "28:11", `"Demo" is not a valid name; lower case letters, digits, _ and -`, 1},
		{"file: /etc/demo/db.yaml", "file: db.yaml", "30:13", `"db.yaml" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"      format: yaml", "      format: text", "31:15", `"text" is not a valid format; allowed: json, yaml, env, ini, toml, properties`, 0},
		{"keys: { host: h, database: d,", "keys: { database: d,", "32:13", "no host; the key that holds the host", 0},
		{"keys: { host: h, database: d,", "keys: { host: h, database: '',", "32:34", "database is empty; the key that holds the database's name", 0},
		{"keys: { host: h, database: d,", "keys: { hots: h, host: h, database: d,", "32:15", `unknown key "hots"`, 0},
		{"expects: { query: select version from v, value: 1 }", "expects: { query: select version from v }", "33:14", "no value; the value that it must return, as text", 0},
		{"expects: { query: select version from v, value: 1 }", "expects: { query: '', value: 1 }", "33:23", "query is empty; a query that returns one value", 0},
		{"checks: checks.sql", "checks: other.sql", "34:13", "specs/1.0-1.1/other.sql is not there", 1},
		{"checks: checks.sql", "checks: migrations", "34:13", "specs/1.0-1.1/migrations is no regular file", 1},
		{"checks: checks.sql", "checks: /etc/passwd", "34:13", `"/etc/passwd" leaves the folder or is not written plainly; a path inside specs/1.0-1.1/, without . and ..`, 1},
		{"migrations: migrations", "migrations: checks.sql", "35:17", "specs/1.0-1.1/checks.sql is no folder", 1},
		{"migrations: migrations", "migrations: ../1.1-2.0", "35:17", `"../1.1-2.0" leaves the folder or is not written plainly; a path inside specs/1.0-1.1/, without . and ..`, 1},
		{"table: t, set", "table: '', set", "38:18", "table is empty; the table", 0},
		{`set: "b = a"`, "set: ''", "38:26", "set is empty; SQL of the SET clause", 0},
		{`set: "b = a"`, `set: "b = ';'; c = 1"`, "38:26", "a semicolon, which ends the statement; a part of the UPDATE that the upgrade writes", 0},
		{"where: b is null, ", "where: b is null; COMMIT, ", "38:42", "a semicolon, which ends the statement", 0},
		{"where: b is null, ", "where: '', ", "38:42", "where is empty; SQL that is true for a row that is yet to be filled", 0},
		{"batch: 500", "batch: 0", "38:60", "a batch of 0 rows; from 1 to 1000000", 0},
		{"batch: 500", "batch: 1000001", "38:60", "a batch of 1000001 rows; from 1 to 1000000", 0},
		{"pause: 100ms", "pause: -1ms", "38:72", `"-1ms" is negative`, 0},
		{"pause: 100ms", "pause: short", "38:72", `"short" is no duration such as 500ms, 60s or 5m`, 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/none, timeout: 5s } ]", "40:21", "specs/1.0-1.1/hooks/none is not there", 1},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: checks.sql, timeout: 5s } ]", "40:21", "specs/1.0-1.1/checks.sql does not lie in hooks/; put it directly into specs/1.0-1.1/hooks/", 1},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before } ]", "40:14", "no timeout", 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before, timeout: 0s } ]", "40:44", "timeout is no time at all", 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before, every: 5s, timeout: 5s } ]", "40:35", `unknown key "every"`, 0},
		{"run: hooks/vhosts, undo: hooks/vhosts-undo, timeout: 60s", "run: hooks/vhosts, undo: hooks/none, timeout: 60s", "41:40", "specs/1.0-1.1/hooks/none is not there", 1},
		{"switch: [ { run: hooks/vhosts, undo: hooks/vhosts-undo, timeout: 60s } ]", "switch: [ { run: hooks/vhosts, timeout: 60s } ]", "41:13", "no undo", 1},
		{"open: [ { run: hooks/after, timeout: 5s } ]", "open: [ { run: hooks/after, undo: hooks/vhosts-undo, timeout: 5s } ]", "42:37", "a hook after the commit has no undo; after the commit the upgrade only goes forward; leave it out", 0},
		{"open: [ { run: hooks/after, timeout: 5s } ]", "open: [ { run: hooks/before, timeout: 5s } ]", "42:18", "a hook named before stands here twice; the first is on line 40", 1},
		{"hooks:\n  prepare", "hooks:\n  close: []\n  prepare", "40:3", `unknown key "close"`, 0},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: { window: 0s, lock_timeout: 3s }", "43:19", "window is no time at all; how long the product may be out of service, e.g. 60s", 0},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: { window: 60s, lock_timeout: 0s }", "43:38", "lock_timeout is no time at all; how long a migration waits for a lock, e.g. 3s", 0},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: { window: 60s, lock_timeout: 3 }", "43:38", `"3" is no duration such as 500ms, 60s or 5m`, 0},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: 60s", "43:9", `"60s" where a mapping with the keys window, lock_timeout, statement_timeout, memory_mib is expected`, 1},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: { window: 60s, lock_timeout: 3s }\nlimits: { window: 60s, lock_timeout: 3s }", "44:1", `key "limits" stands here twice; the first is on line 43`, 0},
		{"limits: { window: 60s, lock_timeout: 3s, statement_timeout: 30m }", "limits: { window: 60s, lock_timeout: 3s }\n---\nfrom: 1.0", "44:1", "a second document starts here; a file holds one document", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: [ &a /opt/demo/env, /opt/demo/data ]", "18:10", "anchors, aliases and merge keys are not read here; write the value out", 0},
		{"state: [ /opt/demo/env, /opt/demo/data ]", "state: !!seq [ /opt/demo/env ]", "18:8", "tags are not read here; quote the value when it is text", 0},
		{"lock_timeout: 3s, statement_timeout: 30m }", "lock_timeout: 3s, statement_timeout: 0s }", "43:61", "statement_timeout is no time at all; how long a statement of a migration may take, e.g. 30m", 0},
		{"lock_timeout: 3s, statement_timeout: 30m }", "lock_timeout: 3s, memory_mib: 0 }", "43:54", "memory_mib is not above 0; how many MiB must be available on the host, e.g. 900", 0},
		{"programs: [ /opt/demo/postgresql/bin, /opt/rh/*/root/usr/bin ]", "programs: [ bin ]", "36:17", `"bin" is no path on the host; an absolute path, without . and .. and a slash at the end`, 0},
		{"programs: [ /opt/demo/postgresql/bin, /opt/rh/*/root/usr/bin ]", "programs: [ '/opt/[a' ]", "36:17", `"/opt/[a" cannot be looked for; an absolute path in which * stands for any name`, 0},
		{"    migrations: migrations\n", "    migrations: migrations\n    small: [ '' ]\n", "36:14", "small is empty; a table that does not grow with use", 0},
		{"  - name: open\n", "  - name: a b\n", "70:11", `"a b" is no name: letters, digits and . _ + -`, 0},
		{"  - name: open\n", "  - name: roles\n", "73:11", "roles stands here twice; the first is on line 70", 0},
		{"    says: it asks for a password\n", "", "70:5", "it does not say what will be different", 0},
		{"says: roles go", "says: ''", "74:11", "it does not say what will be different", 0},
		{`when: [ { all: [ { file: /etc/sysconfig/demo, format: env, key: PORT, not: [ 80, "" ] } ] } ]`, "when: [ { all: [] } ]", "72:20", "no condition", 0},
		{"file: /etc/sysconfig/demo, format: env, key: PORT, not", "file: etc, format: env, key: PORT, not", "72:30", `"etc" is no clean absolute path`, 0},
		{"format: env, key: PORT, not", "format: xml, key: PORT, not", "72:59", `"xml" is none of json, yaml, env, ini, toml, properties`, 0},
		{`key: PORT, not: [ 80, "" ]`, `not: [ 80, "" ]`, "72:22", "no key", 0},
		{`, not: [ 80, "" ] } ] } ]`, " } ] } ]", "72:22", "it has not exactly one of is, not and some", 0},
		{`not: [ 80, "" ] } ] } ]`, `not: [ 80, "" ], is: [ 1 ] } ] } ]`, "72:22", "it has not exactly one of is, not and some", 0},
		{"some: { key: r, lacks: root, through", "some: { lacks: root, through", "75:80", "no key", 0},
		{"lacks: root, through", "lacks: root, is: [ a ], through", "75:80", "it has not exactly one of is, not and lacks", 0},
		{"lacks: root, through", "is: [ a ], through", "75:110", "it stands without lacks", 0},
		{"names: g, list: groups, by: n", "names: g, list: groups", "75:112", "it has not all of names, list and by", 0},
		{"names: g, list: groups, by: n", "names: g, lists: groups, by: n", "75:124", `unknown key "lists"; did you mean list?`, 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before, timeout: 5s, needs: { file: x, lines: [ a ] } } ]", "40:63", `"x" is no clean absolute path`, 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before, timeout: 5s, needs: { file: /x, lines: [ a ], when: [ { all: [] } ] } } ]", "40:96", "no condition", 0},
		{"prepare: [ { run: hooks/before, timeout: 5s } ]", "prepare: [ { run: hooks/before, timeout: 5s, reads: [ { file: /x, format: text } ] } ]", "40:77", `"text" is none of json, yaml, env, ini, toml, properties`, 0},
	},
	"specs/1.1-2.0/upgrade.yaml": {
		{"from: 1.1", "from: 1.5", "1:7", `there is no release "1.5"; write versions/1.5.yaml`, 0},
		{"from: 1.1", "from: 2.0", "2:5", "from and to are the same release", 0},
		{"to: 2.0", "to: 3.0", "2:5", `there is no release "3.0"; write versions/3.0.yaml`, 0},
		{"to: 2.0", "to: 1.1", "2:5", "from and to are the same release", 0},
		{"to: 2.0", "to: 1.0", "1:7", "a jump from 1.1 to 1.0 stands in the folder 1.1-2.0; the folder is named <from>-<to>", 0},
		{"from: 1.1", "from:", "1:6", "no value; write one, or leave the key out", 0},
		{"from: 1.1", "from: 'DECIDE: which'", "1:7", "still to be decided: which", 0},
	},
}

// text is a mistake without its place.
func text(m mistake.Mistake) string {
	if m.Allowed == "" {
		return m.What
	}
	return m.What + "; " + m.Allowed
}

// loadMistakes reads the project and returns what is wrong in it.
func loadMistakes(t *testing.T, root string) mistake.List {
	t.Helper()
	_, err := release.Load(root)
	var list mistake.List
	if err == nil || !errors.As(err, &list) || exit.Code(err) != exit.Spec {
		t.Fatalf("got %v", err)
	}
	return list
}

// Each slip is reported with its place, and apart from what follows from it nothing else is.
func TestEverySlip(t *testing.T) {
	t.Parallel()
	for file, list := range slips {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			root := project(t, new(txtar.Archive))
			path := filepath.Join(root, file)
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				bad := strings.Replace(string(good), s.old, s.new, 1)
				if bad == string(good) {
					t.Errorf("%q is not in the file", s.old)
					continue
				}
				if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
					t.Fatal(err)
				}
				got := loadMistakes(t, root)
				at := file + ":" + s.at
				found := slices.ContainsFunc(got, func(m mistake.Mistake) bool {
					return fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column) == at && strings.HasPrefix(text(m), s.want)
				})
				if !found || len(got) != 1+s.others {
					t.Errorf("%q for %q:\ngot  %v\nwant %s: %s and %d more", s.new, s.old, got, at, s.want, s.others)
				}
			}
		})
	}
}

// All mistakes of a file are reported in one run: one slip does not hide another. Slips that
// stand in different lines are made together, as many as there are lines.
func TestSlipsTogether(t *testing.T) {
	t.Parallel()
	root := project(t, new(txtar.Archive))
	want := map[string][]string{}
	for file, list := range slips {
		path := filepath.Join(root, file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(data), "\n")
		taken := map[int]bool{}
		for _, s := range list {
			first := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, s.old) })
			hides := strings.HasPrefix(s.want, `unknown key "instaled"`)                                                                                                  // the whole list
			needs := strings.HasPrefix(s.want, "neither release has a package demo-service-1.0;")                                                                         // releases without a mistake
			twice := strings.HasPrefix(s.want, "release 1.0 stands here twice")                                                                                           // not when the first is another
			needs = needs || strings.HasPrefix(s.want, "column ") || strings.Contains(s.want, "no documents are read") || strings.Contains(s.want, "no expand migration") // migrations without one
			if hides || needs || twice || s.others > 0 || first < 0 || taken[first] || strings.Contains(s.new, "\n") || !strings.HasSuffix(lines[first], "\n") || strings.Contains(s.want, "not read here") {
				continue
			}
			taken[first] = true
			lines[first] = strings.Replace(lines[first], s.old, s.new, 1)
			want[file] = append(want[file], s.want)
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := loadMistakes(t, root)
	made := 0
	for file, list := range want {
		made += len(list)
		for _, what := range list {
			if !slices.ContainsFunc(got, func(m mistake.Mistake) bool { return m.File == file && strings.HasPrefix(text(m), what) }) {
				t.Errorf("%s: nothing says: %s", file, what)
			}
		}
	}
	if made < 30 {
		t.Errorf("only %d slips were made together", made)
	}
	if !slices.IsSortedFunc(got, func(a, b mistake.Mistake) int {
		return strings.Compare(fmt.Sprintf("%s:%06d:%06d", a.File, a.Line, a.Column), fmt.Sprintf("%s:%06d:%06d", b.File, b.Line, b.Column))
	}) {
		t.Error("they are not in the order of files, lines and columns")
	}
}
