package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"onerpm/test/host"
)

// machine boots a 4.1.1 machine with data and fills the growing tables.
func machine(ctx context.Context, rows int) (*host.Machine, error) {
	m, err := host.Boot(ctx, host.Options{Release: "4.1.1", Data: true})
	if err != nil {
		return nil, err
	}
	for _, table := range []string{"events", "logs"} {
		if _, err := m.Output(ctx, psql(fmt.Sprintf(fill, table, rows))); err != nil {
			return nil, errors.Join(err, m.Stop())
		}
	}
	_, err = m.Output(ctx, psql("vacuum analyze events; vacuum analyze logs; checkpoint"))
	if err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	return m, nil
}

// fill copies the sample rows of a table until it has so many.
const fill = `set session_replication_role = replica;
do $$
declare columns text; n bigint;
begin
    select string_agg(quote_ident(column_name), ', ') into columns from information_schema.columns
        where table_schema = 'public' and table_name = '%[1]s' and column_name <> '_storage_id';
    select count(*) into n from %[1]s;
    execute format('insert into %[1]s (%%1$s) select %%1$s from %[1]s cross join generate_series(1, %%2$s) limit %%3$s',
        columns, %[2]d / n + 1, greatest(%[2]d - n, 0));
end $$;`

func psql(query string) string {
	return "su postgres -c \"psql -XAtq -v ON_ERROR_STOP=1 -d cloudify_db\" <<'SQL'\n" + query + "\nSQL"
}

// scriptByHand is what an admin types without a bundle.
const scriptByHand = `systemctl stop nginx cloudify-blueprint-composer cloudify-mgmtworker cloudify-restservice cloudify-amqpinflux
old=$(rpm -qa --qf '%{NAME}\n' 'cloudify-*' | grep -v influxdb)
rpm -e --noscripts --nodeps $old
dnf -q -y install cloudify-rest-service cloudify-management-worker cloudify-amqp-influx cloudify-agents cloudify-stage cloudify-composer cloudify-cli
tar -xf /root/configuration.tar -C /
cp -p /etc/cloudify/ssl/cloudify_internal_cert.pem /etc/cloudify/ssl/cloudify_internal_ca_cert.pem
chmod 644 /root /root/migrate.sql; chmod 755 /root
su postgres -c "psql -Xq -1 -v ON_ERROR_STOP=1 -d cloudify_db -f /root/migrate.sql"
systemctl daemon-reload
for unit in cloudify-amqpinflux cloudify-restservice cloudify-mgmtworker cloudify-composer nginx; do systemctl start $unit; done
`

// migrateByHand is the product's own migration in one transaction, the roles seeded first.
var migrateByHand = migration()

func migration() string {
	var b strings.Builder
	b.WriteString(`set role cloudify;
insert into roles (name, description) select n, n from unnest(array['sys_admin','manager','user','operations','viewer','default']) n
    where not exists (select 1 from roles r where r.name = n);
create type resource_availability as enum ('private', 'tenant', 'global');
`)
	for _, table := range strings.Fields("plugins secrets snapshots blueprints deployments deployment_updates deployment_update_steps " +
		"deployment_modifications executions nodes node_instances logs events") {
		fmt.Fprintf(&b, "alter table %[1]s add column resource_availability resource_availability;\n"+
			"update %[1]s set resource_availability = (case when private_resource is false then 'tenant' else 'private' end)::resource_availability;\n", table)
	}
	for table, key := range map[string]string{"users_tenants": "user_id", "groups_tenants": "group_id"} {
		fmt.Fprintf(&b, `alter table %[1]s add column role_id integer constraint %[1]s_role_id_fkey references roles (id);
update %[1]s set role_id = (select id from roles where name = 'user');
alter table %[1]s add constraint %[1]s_pkey primary key (%[2]s, tenant_id), alter column role_id set not null;
`, table, key)
	}
	b.WriteString(`update users_roles set role_id = (select id from roles where name = case role_id when 2 then 'default' else 'sys_admin' end) where role_id in (1, 2);
update node_instances set version = 1 where version is null;
alter table node_instances alter column version set not null;
update alembic_version set version_num = 'f1dab814a4a0';
`)
	return b.String()
}
