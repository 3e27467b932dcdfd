package pkgfile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Mounts returns the places below root where something is mounted, as seen from root.
func Mounts(root string) (map[string]bool, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("look for mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return parseMounts(f, root)
}

// parseMounts reads mount points out of proc(5)'s mountinfo.
func parseMounts(r io.Reader, root string) (map[string]bool, error) {
	found := map[string]bool{}
	prefix := clean(root, "")
	if prefix == "/" {
		prefix = ""
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		if at, below := strings.CutPrefix(unescape(fields[4]), prefix); below && strings.HasPrefix(at, "/") {
			found[at] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("look for mounts: %w", err)
	}
	return found, nil
}

// unescape undoes \ooo, which the kernel writes for blanks and the like.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
