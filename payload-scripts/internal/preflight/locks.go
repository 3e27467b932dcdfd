package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
)

// lockLists are where the versionlock plugins of yum and dnf keep their patterns, one a line.
var lockLists = []string{"/etc/yum/pluginconf.d/versionlock.list", "/etc/dnf/plugins/versionlock.list", "/etc/dnf/versionlock.toml"}

// managerConfigs are where yum and dnf are told to leave packages out.
var managerConfigs = []string{"/etc/yum.conf", "/etc/dnf/dnf.conf", "/etc/yum.repos.d/*.repo"}

// versionLocks tells of locks and excludes that name the product's packages. rpm
// knows nothing of them, so the upgrade works; dnf would hold on to what is gone.
func (r *run) versionLocks(context.Context) []finding.Finding {
	var found []finding.Finding
	for _, name := range lockLists {
		patterns, err := lockPatterns(filepath.Join(r.Root, name))
		if err != nil {
			return append(found, failed("read the version locks", err)...)
		}
		if hit := r.matching(patterns); len(hit) > 0 {
			found = append(found, finding.Finding{
				ID: "version-lock", Level: finding.Warn,
				What: fmt.Sprintf("%s locks packages of %s: %s", name, r.Manifest.Product, list(hit, ", ")),
				Do:   "the upgrade is not held up by it; remove the lock afterwards, or set it to the new versions",
			})
		}
	}
	for _, glob := range managerConfigs {
		files, err := filepath.Glob(filepath.Join(r.Root, glob))
		if err != nil {
			return append(found, failed("read the excludes of yum and dnf", err)...)
		}
		for _, file := range files {
			patterns, err := excludePatterns(file)
			if err != nil {
				return append(found, failed("read the excludes of yum and dnf", err)...)
			}
			if hit := r.matching(patterns); len(hit) > 0 {
				found = append(found, finding.Finding{
					ID: "excluded", Level: finding.Warn,
					What: fmt.Sprintf("%s excludes packages of %s: %s", strings.TrimPrefix(file, r.Root), r.Manifest.Product, list(hit, ", ")),
					Do:   "nothing: the upgrade is not held up by it",
				})
			}
		}
	}
	return found
}

// lockPatterns reads a version lock list; one that is not there is empty.
func lockPatterns(file string) ([]string, error) {
	var patterns []string
	err := lines(file, func(line string) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, "name"); ok && strings.HasSuffix(file, ".toml") {
			patterns = append(patterns, strings.Trim(strings.TrimSpace(value), `= "'`))
		} else if line != "" && line[0] != '#' {
			patterns = append(patterns, strings.TrimPrefix(line, "!"))
		}
	})
	return patterns, err
}

// excludePatterns reads exclude= and excludepkgs= of every section. A line that
// begins with a space goes on with the one before.
func excludePatterns(file string) ([]string, error) {
	var patterns []string
	excluding := false
	err := lines(file, func(line string) {
		value := line
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			key, after, _ := strings.Cut(line, "=")
			key = strings.TrimSpace(key)
			excluding = key == "exclude" || key == "excludepkgs"
			value = after
		}
		if excluding {
			patterns = append(patterns, strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })...)
		}
	})
	return patterns, err
}

func lines(file string, each func(string)) error {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		each(scan.Text())
	}
	return scan.Err()
}

// matching returns the patterns that mean a package of the two releases: by
// name, or by name, version and so on as yum and dnf write them.
func (r *run) matching(patterns []string) []string {
	var hit []string
	for _, pattern := range patterns {
		for _, side := range []manifest.Side{manifest.Old, manifest.New} {
			if matchesAny(pattern, r.Manifest.Set(side)) {
				hit = append(hit, pattern)
				break
			}
		}
	}
	return hit
}

func matchesAny(pattern string, set []manifest.Package) bool {
	for _, p := range set {
		evr := p.EVR()
		for _, form := range []string{
			p.Name, p.Name + "." + p.Arch, p.Name + "-" + p.Version, p.NVR(), p.NVR() + "." + p.Arch, p.NVR() + ".*",
			p.Name + "-" + evr, p.Name + "-" + evr + "." + p.Arch, p.Name + "-" + evr + ".*",
			evr[:strings.IndexByte(evr, ':')+1] + p.NVR() + ".*", evr[:strings.IndexByte(evr, ':')+1] + p.NVR() + "." + p.Arch,
		} {
			if ok, err := path.Match(pattern, form); pattern == form || ok && err == nil {
				return true
			}
		}
	}
	return false
}
