#!/bin/sh
# Stands for dnf: it installs a file into the machine's folder, into rpm's database there, and does as the bundle's own
# scriptlet: without the file manual the installation starts the upgrade. Of a package that is installed it says that
# nothing is to be done, as dnf does, whatever build the file is; with the file "dnf-fails" it fails.
root=${ONERPM_FLEET_ROOT:?}
echo "dnf $1 $2 $3" >>"$root/calls"
for file; do :; done
[ ! -e "$root/dnf-fails" ] || { echo "Error: the disk is full"; exit 1; }
if rpm -q p-upgrade-4.2.0 >/dev/null; then
    echo "Nothing to do."
    exit 0
fi
rpm -i --justdb --nodeps --nosignature "$file" || exit
(cd "$root" && rpm2cpio "$file" | cpio -idm --quiet --no-absolute-filenames) || exit
[ -e "$root/etc/p-upgrade/manual" ] || echo "the installation starts the upgrade" >>"$root/calls"
