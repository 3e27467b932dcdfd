#!/bin/sh
# What the API answers and what users uploaded must be there after the upgrade as before it, and
# so must everything that was acknowledged while it ran.
set -eu
notes=$ONERPM_NOTES
api=http://127.0.0.1/api/v3.1
uploads=/opt/manager/resources/blueprints

# ask TENANT PATH [OPTION...] asks the API through the door, as the sample data's administrator.
ask() {
	tenant=$1 path=$2
	shift 2
	printf 'user = "admin:open-sesame-42"\nheader = "Tenant: %s"\n' "$tenant" |
		curl -fsS -m 20 -K - "$@" "$api/$path"
}

# names PATH prints what a list names, sorted.
names() { ask "$1" "$2?_size=1000" | grep -o "\"$3\": *\"[^\"]*\"" | sort; }

# answers prints, for every tenant, what each list names.
answers() {
	names default_tenant tenants name | cut -d'"' -f4 | while read -r tenant; do
		for list in blueprints deployments executions nodes node-instances plugins secrets; do
			names "$tenant" $list id | sed "s|^|$tenant $list |"
		done
	done
}

files() { (cd $uploads && find . -type f -exec sha256sum {} + | sort); }

# lacking BEFORE NOW prints the lines of BEFORE that are not in NOW.
lacking() { comm -23 "$1" "$2" | sed 's/^/gone: /' | tail -n 10; }

case $1 in
before)
	answers >"$notes/answers"
	files >"$notes/files"
	if [ ! -s "$notes/answers" ] || [ ! -s "$notes/files" ]; then
		echo "the machine has no data to look after" >&2
		exit 1
	fi
	;;
load)
	id=load-$(date +%s%N)
	echo "archive of $id" >"$notes/upload"
	ask default_tenant "blueprints/$id?application_file_name=blueprint.yaml" -o /dev/null -X PUT --data-binary "@$notes/upload"
	echo "$id" >>"$notes/acknowledged"
	;;
after | back)
	answers >"$notes/answers.now"
	files >"$notes/files.now"
	gone=$(lacking "$notes/answers" "$notes/answers.now"; lacking "$notes/files" "$notes/files.now")
	for id in $(cat "$notes/acknowledged" 2>/dev/null || true; sed 's/^/load-/' "$notes/upload.http" 2>/dev/null || true); do
		[ "$(cat "$uploads/default_tenant/$id/$id.tar.gz" 2>&1)" = "archive of $id" ] &&
			ask default_tenant "blueprints/$id" -o /dev/null || gone="$gone
gone: blueprint $id, which was acknowledged"
	done
	[ -z "$gone" ] || { echo "$gone" >&2; exit 1; }
	;;
esac
