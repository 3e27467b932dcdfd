package harms

// The kinds of harm: every one of them is in the table.
var kinds = []string{"packages", "files", "database", "services", "users", "network", "time", "agents"}

// sql is a function for a hook's script.
const sql = `sql() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d cloudify_db -c "$1"; }
`

// harm is what a bundle does besides what it should.
type harm struct {
	kind, name string
	scenario   string // that has to find it
	says       string // of the reason

	// Scripts of hooks: after the commit; while the old release serves, never undone; on the way back, undone wrongly.
	open, prepare, undo string

	limits  string            // lines of the spec below certify
	window  string            // limits.window of the spec, "" for what it has
	files   map[string]string // more files of the project
	replace [3]string         // file, old and new text
}

// table has the harms, by the scenario that finds them.
var table = []harm{
	// The new release.
	{kind: "packages", name: "a package of the release is not in rpm's database", scenario: "fresh", says: "package cloudify-cli-4.2.0-ga.x86_64 is not installed",
		open: "rpm -e --justdb --nodeps --noscripts cloudify-cli"},
	{kind: "packages", name: "a package of others is gone", scenario: "fresh", says: "package host-base is gone",
		open: "rpm -e --justdb --nodeps --noscripts host-base"},
	{kind: "files", name: "a file of a package is overwritten", scenario: "fresh", says: "a file is not as its package has it: S.5......    /opt/cloudify-stage/dist/version.json",
		open: "echo broken >/opt/cloudify-stage/dist/version.json"},
	{kind: "files", name: "a file of others is gone", scenario: "fresh", says: "file /etc/nginx/scgi_params is gone",
		open: "rm /etc/nginx/scgi_params"},
	{kind: "files", name: "a program runs as root for everybody", scenario: "fresh", says: "file /usr/bin/harm is new: f 4755",
		open: "cp /bin/sh /usr/bin/harm; chmod 4755 /usr/bin/harm"},
	{kind: "files", name: "configuration is edited after the merge", scenario: "fresh", says: "configuration /opt/manager/cloudify-rest.conf is not what the upgrade made of it",
		open: "sed -i 's/INFO/DEBUG/' /opt/manager/cloudify-rest.conf"},
	{kind: "files", name: "an uploaded archive is empty", scenario: "fresh", says: "file /opt/manager/resources/blueprints/globex/blueprint-2-1/blueprint-2-1.tar.gz is f 644",
		open: ": >/opt/manager/resources/blueprints/globex/blueprint-2-1/blueprint-2-1.tar.gz"},
	{kind: "agents", name: "the package of agents is empty", scenario: "fresh", says: "/opt/manager/resources/packages/agents/centos-core-agent.tar.gz",
		open: ": >/opt/manager/resources/packages/agents/centos-core-agent.tar.gz"},
	{kind: "agents", name: "what agents run by does not start at boot", scenario: "fresh", says: "unit file demo-agents.service is disabled, was enabled",
		open: "systemctl disable demo-agents"},
	{kind: "database", name: "an index is gone", scenario: "fresh", says: "database manager: INDEX public.blueprints_id_idx is missing",
		open: sql + "sql 'drop index blueprints_id_idx'"},
	{kind: "database", name: "everybody may read passwords", scenario: "fresh", says: "database manager: ACL public.TABLE users is there, and should not be",
		open: sql + "sql 'grant select on users to public'"},
	{kind: "database", name: "a table belongs to another", scenario: "fresh", says: `"owner postgres", should be "owner cloudify"`,
		open: sql + "sql 'alter table groups owner to postgres; grant all on groups to cloudify; grant all on sequence groups_id_seq to cloudify'"},
	{kind: "database", name: "the product cannot read a table", scenario: "fresh", says: "table public.groups belongs to postgres, and cloudify may not read it",
		open: sql + "sql 'alter table groups owner to postgres'"},
	{kind: "database", name: "the product's role may do everything", scenario: "fresh", says: `database manager: role cloudify is "superuser`,
		open: sql + "sql 'alter role cloudify superuser'"},
	{kind: "database", name: "users are told apart no more", scenario: "fresh", says: "table manager public.users has other values in column email",
		open: sql + `sql "update users set email = 'x'"`},
	{kind: "services", name: "a unit needs what only the upgrade made, in memory", scenario: "fresh", says: "after a reboot, the new release is not whole",
		replace: [3]string{"versions/4.2.0/config/usr/lib/systemd/system/cloudify-composer.service", "[Unit]\n", "[Unit]\nConditionPathExists=/run/composer-is-set-up\n"},
		prepare: ": >/run/composer-is-set-up"},
	{kind: "users", name: "root has another password", scenario: "fresh", says: "password of user root is another",
		open: "echo root:harm | chpasswd"},
	{kind: "users", name: "the product's user can log in", scenario: "fresh", says: "user cfyuser is 999:997::/etc/cloudify:/bin/bash",
		open: "usermod -s /bin/bash cfyuser"},
	{kind: "network", name: "the machine routes for others", scenario: "fresh", says: "kernel setting net.ipv4.ip_forward is 1, was 0",
		open: "echo 1 >/proc/sys/net/ipv4/ip_forward"},
	{kind: "network", name: "a rule of the firewall", scenario: "fresh", says: "network: nft table inet harm is new",
		open: "nft add table inet harm"},
	{kind: "time", name: "another time zone", scenario: "fresh", says: "file /etc/localtime",
		open: "ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime"},

	// Under load.
	{kind: "time", name: "the window is longer than promised", scenario: "load", says: "the window took too long: the product was out of service for",
		window: "200ms"},
	{kind: "time", name: "the API rests after the upgrade", scenario: "load", says: "clients were without an answer for",
		limits: "  gap: 5s\n", open: "systemctl stop cloudify-restservice; sleep 8; systemctl start cloudify-restservice"},

	// After a way back.
	{kind: "users", name: "a user is left", scenario: "way-back", says: "user intruder is new: 0:0:",
		prepare: "id intruder >/dev/null 2>&1 || useradd -o -u 0 -g 0 -M intruder"},
	{kind: "files", name: "a stray program is left", scenario: "way-back", says: "file /usr/local/bin/harm is new",
		prepare: "echo x >/usr/local/bin/harm"},
	{kind: "services", name: "a unit of others stays stopped", scenario: "way-back", says: "unit demo-agents.service is gone, was active",
		prepare: "systemctl stop demo-agents"},
	{kind: "database", name: "a migration leaves an index", scenario: "failing", says: "database manager: INDEX public.harm is there, and should not be",
		files: map[string]string{"specs/4.1.1-4.2.0/migrations/42019_expand_harm.sql": "-- +goose Up\nCREATE INDEX harm ON groups (name);\n-- +goose Down\nSELECT 1;\n"}},
	{kind: "database", name: "a number of a sequence is used up", scenario: "failing", says: "sequence manager public.groups_id_seq stands at",
		prepare: sql + `sql "select nextval('groups_id_seq')" >/dev/null`},
	{kind: "database", name: "a row is another", scenario: "failing", says: "table manager public.users has other values in column first_name",
		prepare: sql + `sql "update users set first_name = 'x'"`},
	{kind: "network", name: "names lead elsewhere", scenario: "failing", says: "file /etc/hosts",
		undo: "echo '192.0.2.1 example.com' >>/etc/hosts"},
	{kind: "agents", name: "the admin's word about agents is gone", scenario: "failing", says: "file /etc/cloudify-upgrade/no-agents is gone",
		undo: "rm -f /etc/cloudify-upgrade/no-agents"},
	{kind: "time", name: "the way back takes longer than promised", scenario: "failing", says: "the way back took too long",
		limits: "  back: 10s\n", undo: "sleep 12"},
	{kind: "packages", name: "a package of others is gone", scenario: "failing", says: "package host-base is gone",
		undo: "rpm -e --justdb --nodeps --noscripts host-base"},

	// With agents that fail.
	{kind: "agents", name: "the old version is taken for the new one", scenario: "agents", says: "agents wait says that all are upgraded (exit code 0, done), and the product that these are not: host_",
		replace: [3]string{"specs/4.1.1-4.2.0/upgrade.yaml", "    becomes: 4.2.0\n", "    becomes: 4.1.1\n"}},
	{kind: "agents", name: "one tenant alone is looked at", scenario: "agents", says: "of deployment-4 works and is not upgraded",
		replace: [3]string{"specs/4.1.1-4.2.0/upgrade.yaml", "list: tenants?_sort=name,", "list: tenants?_sort=name&name=default_tenant,"}},
	{kind: "agents", name: "the first page alone is read", scenario: "agents", says: "of deployment-4 works and is not upgraded",
		replace: [3]string{"specs/4.1.1-4.2.0/upgrade.yaml", "list: node-instances?_sort=id\n", "list: node-instances?_sort=id&_size=2&_offset=0\n"}},
}
