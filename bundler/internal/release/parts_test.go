package release_test

import (
	"reflect"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// moving is a jump in which packages come early and go late, and files move.
const moving = `
-- versions/1.1.yaml --
version: 1.1
date: 2020-06-01
status: supported
platforms: [ el7.x86_64 ]
components:
  - { name: demo-service, evr: 1.1-1, arch: x86_64 }
  - { name: demo-db, evr: 9-1, arch: x86_64 }
-- versions/2.0.yaml --
gone
-- specs/1.1-2.0/upgrade.yaml --
gone
-- specs/1.0-1.1/upgrade.yaml --
from: 1.0
to: 1.1
revision: 1
services:
  - unit: demo-service
packages:
  early: [ demo-db ]
  late: [ { package: demo-ui, why: its data is read until the commit, keep: [ /var/lib/ui ] } ]
early_services:
  - { unit: demo-db, setup: initdb -D /var/lib/db, timeout: 2m, makes: [ /var/lib/db ] }
  - { unit: demo-db-agent }
moves:
  - { each: /opt/demo/a, into: /opt/demo/a/tenant }
  - { from: /root/demo/server.crt, to: /etc/demo/cert.pem }
owners:
  - { path: /opt/demo, user: demo, group: demo }
config:
  - target: /etc/sysconfig/demo
    set: { SECRET: { random: 31, as: distinct }, DEBUG: { random: 32, as: base64 } }
limits: { window: 60s, lock_timeout: 3s }
-- specs/1.0-1.1/checks.sql --
gone
-- specs/1.0-1.1/hooks/before --
gone
-- specs/1.0-1.1/hooks/vhosts --
gone
-- specs/1.0-1.1/hooks/vhosts-undo --
gone
-- specs/1.0-1.1/hooks/after --
gone
-- specs/1.0-1.1/migrations/1_expand_one.sql --
gone
-- specs/1.0-1.1/migrations/2_expand_two.sql --
gone
-- specs/1.0-1.1/migrations/3_expand_stores.sql --
gone
-- specs/1.0-1.1/migrations/10_switch_three.sql --
gone
`

func TestPartsOfAJump(t *testing.T) {
	t.Parallel()
	cat, err := release.Load(project(t, txtar.Parse([]byte(moving))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := cat.Spec("1.0-1.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want any }{
		{s.Packages.Early, []string{"demo-db"}},
		{s.Packages.Late, []release.Late{{Package: "demo-ui", Why: "its data is read until the commit", Keep: []string{"/var/lib/ui"}}}},
		{s.EarlyServices, []manifest.EarlyService{
			{Unit: "demo-db", Setup: "initdb -D /var/lib/db", Timeout: manifest.Duration(120e9), Makes: []string{"/var/lib/db"}}, {Unit: "demo-db-agent"}}},
		{s.Moves, []manifest.Move{{Each: "/opt/demo/a", Into: "/opt/demo/a/tenant"}, {From: "/root/demo/server.crt", To: "/etc/demo/cert.pem"}}},
		{s.Owners, []manifest.Owner{{Path: "/opt/demo", User: "demo", Group: "demo"}}},
		{s.Config[0].Set, map[string]manifest.Value{"SECRET": {Random: 31, As: "distinct"}, "DEBUG": {Random: 32, As: "base64"}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("read %+v, want %+v", c.got, c.want)
		}
	}
}
