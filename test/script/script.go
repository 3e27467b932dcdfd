// Package script writes programs that a test then runs.
package script

import (
	"os"
	"syscall"
)

// Write writes an executable file. No child is forked meanwhile: it would have the file open for
// writing until its exec, and so long the kernel refuses to run the file (ETXTBSY; golang.org/issue/22315).
func Write(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
