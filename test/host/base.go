package host

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/google/rpmpack"
)

// baseRPM makes the package host-base: no files, only the promise that the machine
// has what components require of a distribution, one name a line in provides.
func baseRPM(provides string) ([]byte, error) {
	meta := rpmpack.RPMMetaData{
		Name: "host-base", Version: "12", Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch,
		Summary:     "What the test machine's distribution provides",
		Description: "Lets rpm on a Debian root find what components require of the distribution.",
		OS:          "linux", Licence: "Apache-2.0", Compressor: "gzip",
		BuildTime: time.Unix(1735689600, 0), // fixed: same bytes everywhere
	}
	for _, line := range recipeLines(provides) {
		if err := meta.Provides.Set(line); err != nil {
			return nil, fmt.Errorf("provide %q: %w", line, err)
		}
	}
	pkg, err := rpmpack.NewRPM(meta)
	if err != nil {
		return nil, fmt.Errorf("make host-base: %w", err)
	}
	var out bytes.Buffer
	if err := pkg.Write(&out); err != nil {
		return nil, fmt.Errorf("write host-base: %w", err)
	}
	return out.Bytes(), nil
}

// recipeLines returns the lines of a recipe file but for blank ones and comments.
func recipeLines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
