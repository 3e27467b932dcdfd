package dump_test

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// version is a folder of PostgreSQL's programs.
type version struct {
	bin     string
	version string  // 9.5.3
	major   float64 // 9.5
	serves  bool    // it has a server's programs
	dumps   bool    // it has a client's
}

// archive is the format of archives that its pg_dump writes; its pg_restore reads this and earlier ones.
func (v version) archive() int {
	switch {
	case v.major < 12:
		return 13
	case v.major < 16:
		return 14
	case v.major < 17:
		return 15
	default:
		return 16
	}
}

// versionsOf are those that ONERPM_POSTGRESQL lists, as folders with bin in them, and those installed on this machine of which none
// is listed, oldest first. Of several servers of a major version the last one serves.
func versionsOf(t *testing.T) (all []version) {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("ONERPM_POSTGRESQL")) {
		reachable := filepath.Join(folder(t), "postgresql")
		check(t, os.CopyFS(reachable, os.DirFS(dir))) // PostgreSQL's own user may not come to where the project lies
		all = append(all, lookAt(t, filepath.Join(reachable, "bin")))
	}
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	check(t, err)
	for _, bin := range installed {
		v := lookAt(t, bin)
		if !slices.ContainsFunc(all, func(a version) bool { return a.major == v.major }) {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor(), b.minor()))
	})
	for i := range all[:max(0, len(all)-1)] {
		if next := all[i+1]; next.serves && next.major == all[i].major {
			all[i].serves = false
		}
	}
	return all
}

func (v version) minor() int {
	n, _ := strconv.Atoi(v.version[strings.LastIndexByte(v.version, '.')+1:])
	return n
}

var number = regexp.MustCompile(`\(PostgreSQL\) ((9\.[0-9]+|[0-9]+)\.[0-9]+)`)

func lookAt(t *testing.T, bin string) version {
	t.Helper()
	v := version{bin: bin}
	for program, has := range map[string]*bool{"postgres": &v.serves, "pg_dump": &v.dumps} {
		said, err := exec.Command(filepath.Join(bin, program), "--version").Output()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		check(t, err)
		found := number.FindStringSubmatch(string(said))
		if found == nil {
			t.Fatalf("%s/%s --version says %q", bin, program, said)
		}
		*has, v.version = true, found[1]
		v.major, err = strconv.ParseFloat(found[2], 64)
		check(t, err)
	}
	if !v.serves && !v.dumps {
		t.Fatalf("no programs of PostgreSQL are in %s", bin)
	}
	return v
}
