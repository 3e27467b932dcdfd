package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// folders is where the system's programs are looked for. The caller's PATH does
// not count: the engine runs the same programs from a unit, from a scriptlet and
// from whatever shell an admin types in.
var folders = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Find returns the path of a program: of the first file of its name that can be
// executed in further, then in the system's folders. A name with a slash is a
// path already. The error is a *NotFoundError when there is none.
func Find(name string, further ...string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, folder := range slices.Concat(further, folders) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &NotFoundError{Name: name, Folders: slices.Concat(further, folders)}
}

// NotFoundError is a program that is not installed, or elsewhere. It wraps exec.ErrNotFound.
type NotFoundError struct {
	Name    string
	Folders []string // where it was looked for
}

func (e *NotFoundError) Error() string {
	return "run " + e.Name + ": there is no such program in " + strings.Join(e.Folders, ", ")
}

// Unwrap returns exec.ErrNotFound.
func (e *NotFoundError) Unwrap() error { return exec.ErrNotFound }

// Exists reports whether a program is in the system's folders.
func Exists(program string) bool {
	_, err := Find(program)
	return err == nil
}

// environment is all that a child gets besides Cmd.Env.
func environment(further []string) []string {
	return []string{
		"PATH=" + strings.Join(slices.Concat(further, folders), ":"),
		"LC_ALL=C", "LANG=C", "HOME=/root", "TERM=dumb",
	}
}
