package view

import (
	"bytes"
	"io"
)

// LastLines sets the position of a file to where its last n lines begin.
func LastLines(f io.ReadSeeker, n int) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return err
	}
	const block = 64 << 10
	newlines := 0
	for at := end; at > 0; {
		size := min(block, at)
		at -= size
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			return err
		}
		buf := make([]byte, size)
		if _, err := io.ReadFull(f, buf); err != nil {
			return err
		}
		for i := len(buf); ; {
			if i = bytes.LastIndexByte(buf[:i], '\n'); i < 0 {
				break
			}
			if at+int64(i) == end-1 {
				continue // ends the last line
			}
			if newlines++; newlines == n {
				_, err := f.Seek(at+int64(i)+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}
