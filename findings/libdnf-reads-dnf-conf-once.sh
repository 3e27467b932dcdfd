#!/bin/bash
# libdnf reads dnf.conf once in a process: excludes that are written later do not exist for a daemon that is there already.
#
# libdnf 0.69.0 (Debian 12), the C library below PackageKit's dnf backend and microdnf. A new DnfContext with its own sack and goal looks as if it began from nothing,
# and it does read the repositories and rpm's database anew; the [main] section of dnf.conf is kept in a static variable of the process (getGlobalMainConfig).
# PackageKit's daemon stays for five minutes after its last use: with 1.2.6 on Debian 12 a package that excludepkgs named since was offered and installed, also
# after pkcon refresh force. (libdnf5's Base has a configuration of its own; PackageKit's dnf5 backend makes a new one at a refresh and after a transaction.)
#
# Seen:  at first: a-2 b-2    excludepkgs=a, same process, new context: a-2 b-2    another process: b-2
set -eu
need() { [ "$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null)" = "$2" ] || apt-get install -y --no-install-recommends "$1=$2" >&2 || { echo "cannot install $1=$2"; exit 2; }; }
changed() { echo "CHANGED: $*"; exit 1; }
need rpm 4.18.0+dfsg-1+deb12u1
need libdnf2 0.69.0-2
need createrepo-c 0.17.3-2
command -v python3 >/dev/null || { echo "no python3 here"; exit 2; }
work=$(mktemp -d /var/tmp/finding.XXXXXX); trap 'rm -rf "$work"' EXIT; cd "$work"
for version in 1 2; do
	for name in a b; do
		printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%%description\nx\n%%files\n' "$name" "$version" >spec
		rpmbuild -bb --quiet --define "_topdir $work/top" --define "_rpmdir $work/$version" --define '_build_name_fmt %{NAME}.rpm' spec >log 2>&1 || { cat log; exit 2; }
	done
done
createrepo_c -q 2
mkdir -p root/var/lib/rpm root/usr repos # libdnf takes a root without usr for an empty one
rpm --root "$work/root" -i 1/a.rpm 1/b.rpm 2>/dev/null
printf '[new]\nname=new\nbaseurl=file://%s/2\nenabled=1\ngpgcheck=0\n' "$work" >repos/new.repo
cat >updates.py <<'END'
# updates.py FOLDER [CONFIGURATION...]: what libdnf would update, one line for each; before the second and later the configuration is written anew
import ctypes, sys
work, dnf = sys.argv[1], ctypes.CDLL("libdnf.so.2")
class Array(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(ctypes.c_void_p)), ("len", ctypes.c_uint)]
for name, kind in dict(dnf_context_new=ctypes.c_void_p, dnf_state_new=ctypes.c_void_p, dnf_context_get_goal=ctypes.c_void_p,
                       hy_goal_list_upgrades=ctypes.POINTER(Array), dnf_package_get_name=ctypes.c_char_p, dnf_package_get_version=ctypes.c_char_p).items():
    getattr(dnf, name).restype = kind
def pointer(value): return ctypes.c_void_p(value)
def must(done, error):
    if not done: sys.exit("libdnf: " + ctypes.string_at(ctypes.cast(error, ctypes.POINTER(ctypes.c_void_p))[1]).decode())
def text(value): return ctypes.c_char_p((work + value).encode())
dnf.dnf_context_set_config_file_path(text("/dnf.conf"))
for configuration in sys.argv[2:]:
    open(work + "/dnf.conf", "w").write(configuration)
    context, error = pointer(dnf.dnf_context_new()), ctypes.c_void_p()
    for option, folder in dict(install_root="/root", repo_dir="/repos", cache_dir="/cache", solv_dir="/solv", lock_dir="/lock").items():
        getattr(dnf, "dnf_context_set_" + option)(context, text(folder))
    dnf.dnf_context_set_release_ver(context, b"1")
    must(dnf.dnf_context_setup(context, None, ctypes.byref(error)), error)
    must(dnf.dnf_context_setup_sack(context, pointer(dnf.dnf_state_new()), ctypes.byref(error)), error)
    must(dnf.dnf_context_update_all(context, ctypes.byref(error)), error)
    goal = pointer(dnf.dnf_context_get_goal(context))
    must(dnf.dnf_goal_depsolve(goal, 0, ctypes.byref(error)), error)
    found = dnf.hy_goal_list_upgrades(goal, ctypes.byref(error)).contents
    packages = [pointer(found.data[i]) for i in range(found.len)]
    print(" ".join(sorted("%s-%s" % (dnf.dnf_package_get_name(p).decode(), dnf.dnf_package_get_version(p).decode()) for p in packages)) or "nothing")
END
both=$(python3 updates.py "$work" $'[main]\n' $'[main]\nexcludepkgs=a\n')
other=$(python3 updates.py "$work" $'[main]\nexcludepkgs=a\n')
printf '%s\n' "at first, and with excludes in a new context of the same process:" "$both" "in another process:" "$other"
[ "$(head -1 <<<"$both")" = "a-2 b-2" ] || changed "at first"
[ "$other" = b-2 ] || changed "the excludes in a process that begins with them"
[ "$(tail -1 <<<"$both")" = "a-2 b-2" ] || changed "the excludes in a process that began without them"
echo "as described"
