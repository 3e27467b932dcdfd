package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/strictyaml"
)

// certification is what a jump is certified with: what the jump before has - its scripts and the requests that clients make
// hold for the next jump as long as the product does what it did - and a sketch of the product's own script where it has none.
// What is left out of the comparison is the jump before's own.
func (s *spec) certification(folder string) ([]File, error) {
	var out []File
	own := false
	if s.before.spec != nil {
		for _, pattern := range []string{"*.sh", "*.http"} {
			files, err := filepath.Glob(filepath.Join(s.before.spec.Dir, "certify", pattern))
			if err != nil {
				return nil, fmt.Errorf("list the checks of the jump before: %w", err)
			}
			for _, path := range files {
				text, err := os.ReadFile(path)
				if err != nil {
					return nil, exit.With(exit.Spec, fmt.Errorf("carry over a check of the jump before: %w", err), "")
				}
				own = own || pattern == "*.sh" && filepath.Base(path) != release.AgentsScript
				out = append(out, File{Path: folder + "certify/" + filepath.Base(path), Data: text})
			}
		}
	}
	if !own {
		out = append(out, File{Path: folder + "certify/product.sh", Data: []byte(s.sketch()), Sketch: true})
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

func (s *spec) sketch() string {
	return strings.NewReplacer("<from>", s.in.From.Version, "<to>", s.in.To.Version, "<decide>", strictyaml.Undecided).Replace(strings.TrimPrefix(sketch, "\n"))
}

// sketch is a script that runs as it is, and fails in each part that nobody has written: what is not written proves nothing.
const sketch = `
#!/bin/sh
# The product's own checks of the jump from <from> to <to>, a sketch by bundler new. What certification looks at by itself, and
# what is left to this script, is in docs/certification.md.
#
# It runs as it is, and each part with a line that says <decide> fails, so that nothing counts as proved before it is written. bundler
# check warns of these lines until none is left. Replace them; the lines in comments are examples.
#
# bundler certify calls it on the machine, by /bin/sh, as root, with one word. $ONERPM_NOTES is a folder that is the same for all
# calls of one scenario; $ONERPM_FROM, $ONERPM_TO and $ONERPM_PREFIX are the releases and the bundle's name without its release.
set -eu
notes=$ONERPM_NOTES

case $1 in
prepare)
	# Nothing was looked at or installed yet. Do what an admin has to do before this upgrade; leave it empty when there is nothing:
	#   mkdir -p "/etc/$ONERPM_PREFIX"
	#   echo "accept $ONERPM_TO roles = yes" >>"/etc/$ONERPM_PREFIX/upgrade.conf"
	;;
before)
	# <from> serves. Note what must be there after the upgrade, and fail where there is nothing: a machine without data proves nothing.
	#   curl -fsS http://127.0.0.1/api/things | sort >"$notes/things"
	#   [ -s "$notes/things" ] || { echo "the machine has no data to look after" >&2; exit 1; }
	echo "<decide> what has to be noted before the upgrade; without it nothing is compared" >&2
	exit 1
	;;
load)
	# The upgrade runs. Write something as a user does, and note it when the product has acknowledged it. Called again and again; exit
	# code 0 says that it was acknowledged, any other that it was not, which is no fault while the product is out of service.
	#   id=load-$(date +%s%N)
	#   curl -fsS -X PUT "http://127.0.0.1/api/things/$id" >/dev/null
	#   echo "$id" >>"$notes/acknowledged"
	echo "<decide> what is written while the upgrade runs; without it no write is tried" >&2
	exit 1
	;;
after)
	# <to> serves. Compare with what was noted, and look for all that was acknowledged. Say what is wrong, and exit with another code than 0.
	#   curl -fsS http://127.0.0.1/api/things | sort >"$notes/now"
	#   sort -u "$notes/things" "$notes/acknowledged" 2>/dev/null | comm -23 - "$notes/now" >"$notes/gone"
	#   [ ! -s "$notes/gone" ] || { echo "gone: $(head -n 5 "$notes/gone")" >&2; exit 1; }
	echo "<decide> what is compared once <to> serves" >&2
	exit 1
	;;
back)
	# <from> serves again, after the upgrade went back. Compare likewise: what was acknowledged meanwhile must be there too.
	echo "<decide> what is compared once <from> serves again" >&2
	exit 1
	;;
*)
	echo "usage: $0 prepare|before|load|after|back" >&2
	exit 2
	;;
esac
`
