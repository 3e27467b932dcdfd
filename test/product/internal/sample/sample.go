// Package sample fills the demo product's database and file server with what a host in
// use has: several tenants, users and groups, resources of every kind that are private, shared and
// neither, uploaded blueprints, events and logs. The same call gives the same rows.
package sample

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
)

// Options say how much there is to be.
type Options struct {
	Release     product.Release
	Security    settings.Security
	FileRoot    string // folder of the file server
	Bulk        int    // rows of events, and of logs
	Deployments int    // each has two node instances, and its hosts
	Hosts       int    // of a deployment, each with an agent; 0 means 1
	Agents      string // host:port of the process that hosts the agents
}

// Small is a host that was only tried out.
const Small = 300

// Password returns the password of a sample user. eve is not active.
func Password(user string) string { return user + "-password" }

// Users are the sample users beside admin.
var Users = []string{"alice", "bob", "carol", "dave", "eve"}

//go:embed data.sql
var data string

// Resources are the tables whose rows belong to a tenant and are shared or not.
var Resources = []string{"blueprints", "plugins", "secrets", "snapshots", "deployments", "executions", "nodes", "node_instances",
	"events", "logs", "deployment_updates", "deployment_update_steps", "deployment_modifications"}

// Fill adds the rows in one transaction, then the files. It fails when it was called before.
func Fill(ctx context.Context, conn *pgx.Conn, o Options) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for name, value := range map[string]string{
			"demo.bulk": strconv.Itoa(o.Bulk), "demo.deployments": strconv.Itoa(o.Deployments), "demo.hosts": strconv.Itoa(max(o.Hosts, 1)),
			"demo.agents": o.Agents, "demo.version": o.Release.Version,
		} {
			if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", name, value); err != nil {
				return err
			}
		}
		if err := users(ctx, tx, o); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, data); err != nil {
			return fmt.Errorf("sample data: %w", err)
		}
		return finish(ctx, tx, o.Release)
	})
	if err != nil {
		return err
	}
	return files(ctx, conn, o.FileRoot)
}

func users(ctx context.Context, tx pgx.Tx, o Options) error {
	for _, name := range Users {
		hash, err := account.HashPassword(o.Security, Password(name))
		if err != nil {
			return err
		}
		key, err := account.NewTokenKey()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO users (username, active, created_at, email, password, api_token_key)
			VALUES ($1::text, $1::text <> 'eve', timestamp '2017-02-01', $1::text || '@example.org', $2, $3)`, name, hash, key)
		if err != nil {
			return fmt.Errorf("user %s: %w", name, err)
		}
	}
	role := "user"
	if o.Release.Availability {
		role = "default"
	}
	_, err := tx.Exec(ctx, `INSERT INTO users_roles SELECT u.id, r.id FROM users u, roles r WHERE u.id <> 0 AND r.name = $1`, role)
	return err
}

// finish writes what differs between the releases.
func finish(ctx context.Context, tx pgx.Tx, r product.Release) error {
	members := `SELECT DISTINCT person, tenant FROM people WHERE person <> 0`
	groups := `SELECT g.id, t.id FROM groups g, tenants t WHERE (g.name, t.name) IN (('developers', 'acme'), ('operators', 'globex'), ('operators', 'acme'))`
	statements := []string{"INSERT INTO users_tenants " + members, "INSERT INTO groups_tenants " + groups}
	if r.Availability {
		withRole := func(rows string) string {
			return "SELECT m.*, r.id FROM (" + rows + ") m, roles r WHERE r.name = 'user'"
		}
		statements = []string{"INSERT INTO users_tenants " + withRole(members), "INSERT INTO groups_tenants " + withRole(groups)}
		for _, t := range Resources {
			statements = append(statements, "UPDATE "+t+` SET resource_availability = CASE WHEN private_resource IS FALSE THEN 'tenant'
				ELSE 'private' END::resource_availability WHERE resource_availability IS NULL`)
		}
	}
	if r.Vhosts {
		statements = append(statements, `UPDATE tenants SET rabbitmq_vhost = 'rabbitmq_vhost_' || name,
			rabbitmq_username = 'rabbitmq_user_' || name, rabbitmq_password = md5(random()::text) WHERE rabbitmq_vhost IS NULL`)
	}
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// files writes the archive of every blueprint that has none.
func files(ctx context.Context, conn *pgx.Conn, root string) error {
	rows, err := conn.Query(ctx, "SELECT t.name, b.id FROM blueprints b JOIN tenants t ON t.id = b._tenant_id ORDER BY b._storage_id")
	if err != nil {
		return err
	}
	type place struct{ Tenant, ID string }
	places, err := pgx.CollectRows(rows, pgx.RowToStructByPos[place])
	if err != nil {
		return err
	}
	for _, p := range places {
		body, err := Blueprint(p.ID)
		if err != nil {
			return err
		}
		if err := durable.WriteFile(filepath.Join(root, "blueprints", p.Tenant, p.ID, p.ID+".tar.gz"), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Blueprint returns the archive of a blueprint, as a user would upload it.
func Blueprint(id string) ([]byte, error) {
	return pack(id+"/blueprint.yaml", fmt.Appendf(nil, "tosca_definitions_version: cloudify_dsl_1_3\n\n# %s\nimports:\n  - types.yaml\nnode_templates:\n"+
		"  host:\n    type: cloudify.nodes.Compute\n  app:\n    type: cloudify.nodes.WebServer\n", id))
}

// BlueprintWith is a blueprint of so many hosts, with inputs, outputs and an application on the hosts.
func BlueprintWith(id string, hosts int) ([]byte, error) {
	return pack(id+"/blueprint.yaml", fmt.Appendf(nil, `tosca_definitions_version: cloudify_dsl_1_3

description: %q
imports:
  - types.yaml
inputs:
  size:
    default: 1
node_templates:
  host:
    type: cloudify.nodes.Compute
    instances:
      deploy: %d
  app:
    type: cloudify.nodes.WebServer
    properties:
      port: 8080
      ratio: 0.5
    instances:
      deploy: 2
    relationships:
      - type: cloudify.relationships.contained_in
        target: host
outputs:
  endpoint:
    description: where it is
    value: http://app
`, "Blueprint "+id, hosts))
}

// Plugin returns the archive of a plugin, as a user of 3.4.2 would upload it.
func Plugin(name, version string) ([]byte, error) {
	text, err := json.Marshal(map[string]any{
		"package_name": name, "package_version": version, "package_source": name + "==" + version, "archive_name": name + "-" + version + "-py27-none-linux_x86_64.wgn",
		"supported_platform": "linux_x86_64", "distribution": "centos", "distribution_version": "7.2.1511", "distribution_release": "core",
		"supported_py_versions": []string{"py27"}, "wheels": []string{name + "-" + version + "-py2-none-any.whl"}, "excluded_wheels": nil,
	})
	if err != nil {
		return nil, err
	}
	return pack(name+"/package.json", text)
}

// pack makes a tar.gz of one file.
func pack(name string, text []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		return nil, err
	}
	if _, err := t.Write(text); err != nil {
		return nil, err
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
