package tree

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sort"

	"onerpm/payload-scripts/internal/host"
)

// index is what is known of a tree: its entries by path.
type index map[string]*entry

// readIndex reads an index; the error is os.ErrNotExist when there is none.
func readIndex(file string) (index, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	out := index{}
	for dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<16)); ; {
		var e entry
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		out[string(e.Path)] = &e
	}
}

// writeIndex writes an index durably, sorted by path.
func writeIndex(file string, x index) error {
	paths := make([]string, 0, len(x))
	for p := range x {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	tmp, err := os.OpenFile(file+"~", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(tmp, 1<<16)
	enc := json.NewEncoder(w)
	for _, p := range paths {
		if err = enc.Encode(x[p]); err != nil {
			break
		}
	}
	host.Point("fsync", file)
	err = errors.Join(err, w.Flush(), tmp.Sync(), tmp.Close())
	if err == nil {
		host.Point("rename", file)
		err = os.Rename(file+"~", file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return host.SyncDir(path.Dir(file))
}
