#!/bin/bash
# rpm --noscripts also leaves out the triggers of packages that are not in the transaction, and all file triggers.
#
# rpm 4.18.0 (Debian 12). The manual says that --noscripts equals --nopre --nopost --nopreun --nopostun --nopretrans --noposttrans; triggers have an
# option of their own, --notriggers. Yet with --noscripts alone no trigger runs: neither %triggerin of an installed package that waits for this one, nor
# %filetriggerin and %transfiletriggerin, by which the distribution keeps the linker's cache, icons or man pages. The six options one by one run them - but
# for %transfiletriggerin, which --noposttrans alone leaves out too.
#
# Seen:  -U: all three    -U --noscripts: none    -U --nopre --nopost --nopreun --nopostun --nopretrans: all three    -U --noposttrans: all but transfiletriggerin
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
# build NAME VERSION [INSTALL] [FILES] [SECTIONS] [PREAMBLE]: makes NAME-VERSION.rpm; scriptlets are in rpm's own Lua, so that the root needs no shell.
build() {
	printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n%%description\nx\n%%install\nmkdir -p %%{buildroot}/opt; cd %%{buildroot}/opt\n%s\n%s\n%%files\n%s\n' \
		"$1" "$2" "${6:-}" "${3:-}" "${5:-}" "${4:-}" >"$1.spec"
	rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work" --define "_build_name_fmt %%{NAME}-%%{VERSION}.rpm" "$1.spec" >log 2>&1 || { cat log; exit 2; }
}
# in_root ARGUMENTS: rpm in the root, with what it says on one output; its exit code is kept.
in_root() {
	local out code=0
	out=$(rpm --root "$work/root" "$@" 2>&1) || code=$?
	grep -v -e '^$' -e 'should not be used directly' -e 'assuming you know' <<<"$out" || true
	return "$code"
}
build waits 1 '' '' '%triggerin -p <lua> -- p
print("triggerin")
%filetriggerin -p <lua> -- /opt
print("filetriggerin")
%transfiletriggerin -p <lua> -- /opt
print("transfiletriggerin")'
for v in 1 2 3 4 5; do build p $v "echo $v >f" /opt/f; done
said() { in_root "$@" | sort | tr '\n' ' '; }
in_root -i waits-1.rpm; in_root -i p-1.rpm >/dev/null
all="filetriggerin transfiletriggerin triggerin "
plain=$(said -U p-2.rpm); none=$(said -U --noscripts p-3.rpm)
five=$(said -U --nopre --nopost --nopreun --nopostun --nopretrans p-4.rpm); posttrans=$(said -U --noposttrans p-5.rpm)
printf '%s\n' "-U: $plain" "-U --noscripts: $none" "-U --nopre ... --nopretrans: $five" "-U --noposttrans: $posttrans"
[ "$plain" = "$all" ] || changed "without an option"
[ -z "$none" ] || changed "with --noscripts triggers run"
[ "$five" = "$all" ] || changed "with the five options triggers do not run"
[ "$posttrans" = "filetriggerin triggerin " ] || changed "--noposttrans leaves out something else"
echo "as described"
