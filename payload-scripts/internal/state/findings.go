package state

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/tree"
)

func refuse(id, what, do string) finding.Finding {
	return finding.Finding{ID: id, Level: finding.Refuse, What: what, Do: do}
}

// Findings tells what stands in the way of saving the state. It writes nothing.
// Room for the copies is asked of the file system of where.
func (s *Set) Findings(ctx context.Context, where string) []finding.Finding {
	var out []finding.Finding
	var total int64
	for _, p := range s.Paths {
		real, _, err := s.Host.Resolve(p)
		if err == nil {
			var size int64
			size, err = tree.Size(ctx, real)
			total += size
		}
		if l := (*host.LinkError)(nil); errors.As(err, &l) {
			out = append(out, refuse("state-link", fmt.Sprintf("%s: %v", p, err), l.Remedy()))
		} else if err != nil && ctx.Err() == nil {
			out = append(out, refuse("state-unreadable", fmt.Sprintf("%s cannot be saved: %v", p, err), "repair that folder's file system or its contents"))
		}
	}
	if s.Folder != "" { // what is saved already is not copied again
		if saved, err := tree.Size(ctx, s.Folder); err == nil {
			total = max(0, total-saved)
		}
	}
	if f, full := s.checkSpace(where, total); full {
		out = append(out, f)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// spare is what is left free beside the copies, in bytes.
const spare = 64 << 20

// checkSpace compares the size of the state paths with the free space where they are saved.
func (s *Set) checkSpace(where string, size int64) (finding.Finding, bool) {
	where = paths.Existing(where)
	var st unix.Statfs_t
	if err := unix.Statfs(where, &st); err != nil {
		return refuse("no-room", fmt.Sprintf("the free space of %s cannot be determined: %v", where, err), "look at that file system"), true
	}
	free := int64(st.Bavail) * st.Bsize
	if size == 0 || free >= size+spare {
		return finding.Finding{}, false
	}
	return refuse("no-room", fmt.Sprintf("saving %s takes %d MiB in %s, where %d MiB are free", strings.Join(s.Paths, ", "), (size+spare)>>20, where, free>>20),
		fmt.Sprintf("free %d MiB there", (size+spare-free)>>20+1)), true
}
