package release

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"onerpm/internal/cpio"
	"onerpm/internal/rpmfile"
	"onerpm/payload-scripts/internal/programs"
)

// Limits of what is read out of a package's payload.
const (
	maxContent     = 16 << 20 // bytes of one %config file
	contentTimeout = 10 * time.Minute
)

// Unpack reads the regular files that are wanted, by path, out of a package, each
// compared with its digest. What the payload does not hold is not in the answer.
//
// The host's rpm2cpio unpacks the payload, until everything was seen: whatever
// packs an RPM that this host can install, it can read.
func Unpack(ctx context.Context, file string, want map[string]rpmfile.FileInfo) (map[string][]byte, error) {
	running, enough := context.WithCancel(ctx)
	defer enough()
	from, to := io.Pipe()
	var found map[string][]byte
	var parsed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		found, parsed = pick(cpio.NewReader(from), want)
		enough()
		_, _ = io.Copy(io.Discard, from) // what it writes until it ends
	}()
	_, err := programs.Run(running, programs.Cmd{Name: "rpm2cpio", Args: []string{file}, Timeout: contentTimeout, Stdout: to, Discard: true})
	_ = to.Close()
	<-done
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case parsed == nil:
		return found, nil // rpm2cpio was ended when all had been seen
	case err != nil && !errors.Is(err, context.Canceled):
		return nil, err
	}
	return nil, parsed
}

// pick reads the files that are wanted out of an archive, each bounded and compared
// with its digest. What the archive does not hold is not in the answer.
func pick(archive *cpio.Reader, want map[string]rpmfile.FileInfo) (map[string][]byte, error) {
	found := map[string][]byte{}
	for name, f := range want {
		if f.Size == 0 {
			found[name] = []byte{}
		}
	}
	for len(found) < len(want) {
		m, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		f, is := want[path.Join("/", m.Name)]
		if !is || found[f.Path] != nil || m.Size != f.Size || m.Size > maxContent {
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		if !f.DigestAlgo.Available() {
			return nil, fmt.Errorf("%s cannot be checked: its digest's algorithm is not known", f.Path)
		}
		sum := f.DigestAlgo.New()
		sum.Write(data)
		if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, f.Digest) {
			return nil, fmt.Errorf("%s is damaged: its %s is %s, the header says %s", f.Path, f.DigestAlgo, got, f.Digest)
		}
		for name, o := range want { // of hard links only the last has the content
			if o.Digest == f.Digest && o.Size == f.Size {
				found[name] = data
			}
		}
	}
	return found, nil
}
