package files

import (
	"path/filepath"

	"onerpm/payload-scripts/internal/config"
)

// Did is what the upgrade does to a configuration file.
type Did string

// What can become of a file.
const (
	Added     Did = "added"     // it is new on this host
	Updated   Did = "updated"   // it is as the new release has it
	Merged    Did = "merged"    // the new release's changes came to this host's own
	Kept      Did = "kept"      // this host's own stays, though the new release's is another
	Unchanged Did = "unchanged" // nothing in it changes
	Removed   Did = "removed"   // the new release does not have it; the backup does
)

// FileChange is what the merge did to one configuration file.
type FileChange struct {
	Target  string          `json:"target"`            // path of the file
	Package string          `json:"package,omitempty"` // package whose file it is: "%config of <package>" or "%config(noreplace) of <package>"
	Did     Did             `json:"did"`               // what became of the file
	Changes []config.Change `json:"changes"`           // what changes in it, key by key; empty when nothing does
}

// MergedFile is where Prepare has put the merged content of a file in the backup folder.
func MergedFile(backup, target string) string {
	return filepath.Join(backup, "config", "new", target)
}

// SavedFile is where Prepare has put a file as the old release has it, in the backup folder; there is none when the host has none.
func SavedFile(backup, target string) string {
	return filepath.Join(backup, "config", "old", target)
}

// Changes returns what Prepare decided about each configuration file, in the
// order in which they are written. A file that is on neither side is left out.
func (s *Set) Changes() ([]FileChange, error) {
	x, err := s.loadIndex()
	if err != nil {
		return nil, err
	}
	var out []FileChange
	for _, r := range x.Config {
		if r.Extra || r.Stays || r.Old == nil && r.New == nil && len(r.Changes) == 0 {
			continue
		}
		changes := r.Changes
		if changes == nil {
			changes = []config.Change{}
		}
		out = append(out, FileChange{Target: string(r.Target), Package: r.Package, Did: r.did(), Changes: changes})
	}
	return out, nil
}

func (r *record) did() Did {
	kept, others := false, false
	for _, c := range r.Changes {
		kept, others = kept || c.Kind == config.Kept, others || c.Kind != config.Kept
	}
	switch {
	case r.New == nil && r.Old != nil:
		return Removed
	case r.Old == nil && r.New != nil:
		return Added
	case r.unchanged() && kept:
		return Kept
	case r.unchanged():
		return Unchanged
	case kept && others:
		return Merged
	}
	return Updated
}
