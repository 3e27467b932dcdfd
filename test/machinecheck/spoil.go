package machinecheck

// spoilFile, dropped into the service's unit, keeps the new release from starting.
const spoilFile = "/etc/systemd/system/cloudify-restservice.service.d/90-test.conf"

// ofNew is a condition that holds on a machine once the files of a release are there, and did not before.
var ofNew = map[string]string{
	"4.0.1": "grep -q postgresql_host /opt/manager/cloudify-rest.conf",
	"4.1.1": "grep -q amqp_host /opt/manager/cloudify-rest.conf",
	"4.2.0": "grep -q wsgi /usr/lib/systemd/system/cloudify-restservice.service",
}

// Spoil is a script after which a release does not start on a machine that is upgraded to it; the one before it
// does. [Mend] takes it back.
func Spoil(to string) string {
	return `mkdir -p $(dirname ` + spoilFile + `)
printf '[Service]\nExecStartPre=/bin/sh -c "! ` + ofNew[to] + `"\n' > ` + spoilFile + `
systemctl daemon-reload; sync -f /etc`
}

// Mend takes back what [Spoil] did.
const Mend = `rm -f ` + spoilFile + `; rmdir --ignore-fail-on-non-empty $(dirname ` + spoilFile + `) 2>/dev/null; systemctl daemon-reload; true`

// Where [SpoilCopy] puts what it needs.
const (
	refuseFile = "/etc/systemd/system/postgresql@15-main.service.d/90-test.conf"
	refuseSQL  = "/var/tmp/refuse.sql"
)

// SpoilCopy is a script after which the first copy out of Elasticsearch fails at its end, on a machine that has no PostgreSQL yet: the indexes that
// help the second copy are refused, by a trigger that each new database gets from its template.
const SpoilCopy = `cat >` + refuseSQL + ` <<'SQL'
drop event trigger if exists refuse;
create or replace function refuse() returns event_trigger language plpgsql as $$ begin
if exists (select from pg_event_trigger_ddl_commands() where object_identity like '%\_store\_%\_id') then raise exception 'broken on purpose'; end if; end $$;
create event trigger refuse on ddl_command_end when tag in ('CREATE INDEX') execute function refuse();
SQL
mkdir -p $(dirname ` + refuseFile + `)
printf '[Service]\nExecStartPost=/usr/bin/psql -Xq -v ON_ERROR_STOP=1 -f ` + refuseSQL + ` template1\n' > ` + refuseFile + `
systemctl daemon-reload; sync -f /etc /var/tmp`
