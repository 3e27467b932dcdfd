package paths

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Mount is a file system where it is mounted.
type Mount struct {
	Point  string `json:"point"`            // where
	Type   string `json:"type"`             // ext4, nfs4
	Root   string `json:"root"`             // the folder or file of the file system that is seen there; "/" but for bind mounts
	Source string `json:"source,omitempty"` // server:/export; devices have other names after a boot, so theirs are left out

	itself bool // a bind mount of the folder that lies there without it, to make it read-only say
}

func (m Mount) String() string {
	what := m.Type
	if m.Source != "" {
		what += " " + m.Source
	}
	if m.Root != "/" {
		what += " from " + m.Root
	}
	return m.Point + " (" + what + ")"
}

// maxMounts bounds a list of mounts, in bytes.
const maxMounts = 16 << 20

// Mounts returns what is mounted, in the order in which it was. Of several at one
// point the last is seen.
func Mounts() ([]Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return readMounts(f)
}

// readMounts reads the format of /proc/<pid>/mountinfo, proc(5).
func readMounts(r io.Reader) ([]Mount, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxMounts))
	lines.Buffer(nil, 1<<20)
	var out []Mount
	type place struct{ point, device, root string }
	byID := map[string]place{}
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 6 || len(what) < 2 {
			return nil, fmt.Errorf("read the list of mounts: the line %q is not understood", lines.Text())
		}
		m := Mount{Point: unescape(fields[4]), Type: what[0], Root: unescape(fields[3])}
		is := place{m.Point, fields[2], m.Root}
		byID[fields[0]] = is
		if on, ok := byID[fields[1]]; ok && on.device == is.device && Within(is.point, on.point) {
			m.itself = is.root == path.Join(on.root, strings.TrimPrefix(is.point, on.point))
		}
		if source := unescape(what[1]); strings.Contains(source, ":") || strings.HasPrefix(source, "//") {
			m.Source = source
		}
		out = append(out, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the list of mounts: %w", err)
	}
	return out, nil
}

// unescape undoes the kernel's \ooo for blanks, tabs, line ends and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '7' {
			return false
		}
	}
	return s[0] <= '3'
}
