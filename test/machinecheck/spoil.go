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
