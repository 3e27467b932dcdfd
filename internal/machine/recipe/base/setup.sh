#!/bin/sh
# Runs inside the Debian root, over which tree/ was laid: what files alone cannot say.
set -eu

# as on RHEL, where yum is dnf, and on Fedora, where both are dnf5
if [ -e /usr/bin/dnf5 ]; then
	ln -sf dnf5 /usr/bin/dnf
	ln -sf dnf5 /usr/bin/yum
else
	ln -sf dnf-3 /usr/bin/yum
fi

@PRODUCT@

# Debian's next release does not say its number before it is one.
grep -q '^VERSION_ID=' /etc/os-release || echo 'VERSION_ID="14"' >> /usr/lib/os-release

mkdir -p /etc/yum.repos.d /var/lib/rpm /var/log/journal /usr/share/man/man8 # the last as the package filesystem has it
rpm --initdb
rpm -i --nosignature /host-base.rpm
rm /host-base.rpm /setup.sh

# The machine has no clock of its own to live by: nothing may start by itself in a test.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
	fstrim.timer e2scrub_reap.service getty@tty1.service console-getty.service \
	systemd-pstore.service ssh.service; do
	ln -sf /dev/null "/etc/systemd/system/$unit"
done

# What systemd asks at each reload: a container has no disks, consoles or SysV scripts to make units
# of, and these programs were a quarter of all that a test cost.
mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/systemd-*; do
	ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}"
done

# A product brings its own site; the door to it is shut until then.
rm -f /etc/nginx/sites-enabled/default

# one identity for all machines: no first boot, nothing drawn by chance
echo 0f5e1d0c0b0a49088706f5e4d3c2b1a0 > /etc/machine-id
rm -f /var/lib/dbus/machine-id
ln -s /etc/machine-id /var/lib/dbus/machine-id
rm -f /etc/resolv.conf /etc/apt/sources.list /etc/apt/sources.list.d/*
