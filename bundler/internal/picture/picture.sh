# Prints what the machine is, in sections that begin with "@@ NAME". Most have one entry a line: name, tab, value. It has no end of its
# own: whoever runs it sees whether it came to its end.
# Set before: prefix, product (names of packages, one a line), higher (sed script), and functions digested and asked;
# mounts, where it is not the machine's own list.
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
echo '@@ packages'
rpm -qa --qf '%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\n' || exit
installed=$(rpm -qa --qf '%{NAME}\n' | grep -xF "$product")
echo '@@ altered'
[ -z "$installed" ] || rpm -V --nomtime $installed 2>&1
echo '@@ owned'
[ -z "$installed" ] || rpm -q --qf '[%{FILENAMES}\t%{FILEFLAGS}\n]' $installed
echo '@@ services'
units=$(asked)
[ -z "$units" ] || { printf '%s\n\n' "$units"; systemctl is-active $units; } | awk '!said && $0 == "" { said = 1; next } !said { unit[++n] = $0; next } { print unit[++i] "\t" $0 }'
echo '@@ left'
for file in "/var/lib/$prefix/window" "/etc/systemd/system/$prefix.service"; do [ ! -e "$file" ] || echo "$file"; done

# Every file that lies on a disk. A line break in a name becomes \001.
echo '@@ files'
awk '$3 ~ /^(ext[234]|xfs|btrfs|overlay|zfs|f2fs|vfat|jfs|aufs)$/ { print $2 }' "${mounts:-/proc/self/mounts}" | sort -u | while read -r mount; do
	case $mount in /run/* | /proc/* | /sys/* | /dev/*) continue ;; esac
	find "$(printf '%b' "$mount")" -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path "/var/lib/$prefix" -o -path "/opt/$prefix" \) -prune -o \
		-printf '%y %m %U:%G %s %T@ %l\t%p\0'
done | tr '\n\0' '\001\n'
echo '@@ digests'
digested | while read -r path; do [ ! -e "$path" ] || find "$path" -xdev -type f -exec sha256sum {} +; done
# What the upgrade tells yum and dnf to leave out is taken out again; all else in the file counts.
echo '@@ updates'
for file in /etc/yum.conf /etc/dnf/dnf.conf; do
	[ ! -f "$file" ] || printf '%s\t%s\n' "$file" "$(sed "$higher" "$file" | sed '/^exclude\(pkgs\)\{0,1\}=$/d' | sha256sum)"
done

echo '@@ enabled'
# systemd takes a third of a second to say of all unit files whether they start at boot. Those of packages that have no [Install], and
# that nothing outside of packages names, it calls static: it is asked of the others.
kinds='\.\(service\|socket\|target\|timer\|mount\|automount\|path\|slice\|swap\|device\|scope\)$'
elsewhere=$(find /etc/systemd/system* /run/systemd/system* /run/systemd/generator* /run/systemd/transient /usr/local/lib/systemd/system* -printf '%f\n%l\n' 2>/dev/null |
	sed 's|.*/||; p; s/@[^.]*\./@./' | sort -u)
packaged() { find /usr/lib/systemd/system/ /lib/systemd/system/ -maxdepth 1 "$@" 2>/dev/null; }
static=$(packaged -type f -size +0 -exec grep -L '^[[:space:]]*\[Install\]' {} + | sed 's|.*/||' | grep "$kinds" | sort -u | grep -vxF "$elsewhere")
printf '%s\n' "$static" | sed '/./!d; s/$/\tstatic/'
(
	set -f
	systemctl list-unit-files --no-legend --no-pager --full -- \
		$({ packaged -printf '%f\n'; printf '%s\n' "$elsewhere"; } | sort -u | grep -vxF "$static" | grep "$kinds" | sed 's/[][\\*?]/\\&/g')
) | awk '{ print $1 "\t" $2 }'
echo '@@ units'
systemctl list-units --all --plain --no-legend --no-pager --full --type=service,socket,timer,path,mount,automount,swap | sed 's/^[^[:alnum:]-]* //' | awk '{ print $1 "\t" $3 }'

echo '@@ users'
sed 's/^\([^:]*\):[^:]*:/\1\t/' /etc/passwd
echo '@@ passwords'
while IFS=: read -r name hash rest; do
	case $hash in *[!*!]*) hash=$(printf %s "$hash" | sha256sum | cut -c 1-16) ;; esac # else nobody has one
	printf '%s\t%s %s\n' "$name" "$hash" "$rest"
done </etc/shadow
echo '@@ groups'
sed 's/^\([^:]*\):[^:]*:/\1\t/' /etc/group

echo '@@ mounts'
awk '{ print $2 "\t" $1 " " $3 " " $4 }' /proc/self/mounts
echo '@@ kernel'
sysctl -a 2>/dev/null | sed 's/ = /\t/; t; s/ =$/\t/'
# The upgrade's relay ends some seconds after the door is open, and then its rules are gone.
i=0
while [ "$(systemctl is-active "$prefix-hold.service")" = active ] && [ $i -lt 150 ]; do i=$((i + 1)); sleep 0.1; done
echo '@@ ports'
for kind in tcp tcp6 udp udp6; do [ ! -e /proc/net/$kind ] || awk -v kind=$kind 'NR > 1 { print kind, $2, $4, $8 }' /proc/net/$kind; done
echo '@@ network'
if command -v ip >/dev/null; then
	ip -o link | awk '{ for (i = 1; i < NF; i++) if ($i == "mtu") mtu = $(i + 1); print "link " $2 "\tmtu " mtu " " $3 }'
	ip -o addr | sed 's/^[0-9]*: /address /; s/valid_lft.*//'
	{ ip route show table all; ip -6 route show table all; } | sed 's/^/route /; s/ expires [0-9]*sec//'
	{ ip rule; ip -6 rule; } 2>/dev/null | sed 's/^/rule /'
fi
if command -v nft >/dev/null; then
	nft -s list ruleset 2>/dev/null | awk '$1 == "table" { table = $2 " " $3; chain = ""; print "nft table " table; next } $1 == "chain" { chain = $2 } NF > 1 { $1 = $1; print "nft " table " " chain ": " $0 }'
fi
for save in iptables-save ip6tables-save; do
	! command -v $save >/dev/null || $save 2>/dev/null | awk -v save=$save '/^\*/ { table = $0 } /^[:-]/ { sub(/ \[[0-9:]*\]$/, ""); print save " " table ": " $0 }'
done
echo '@@ clock'
printf 'now\t%s\n' "$(date +%s)"
