package rehearsal

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"onerpm/payload-scripts/internal/paths"
	"onerpm/payload-scripts/internal/state"
	"onerpm/payload-scripts/internal/tree"
)

// saveState saves the state paths as the upgrade does: whole while the product serves,
// and once more in the window, which copies what was touched meanwhile.
func (u *run) saveState(ctx context.Context) error {
	if len(u.bundle.Manifest.State) == 0 {
		return nil
	}
	u.tell("save the product's state")
	set := &state.Set{Paths: u.bundle.Manifest.State, Host: paths.Host(u.bundle.Root), Folder: filepath.Join(u.dir, "state")}
	took, err := u.saveTwice(ctx, set)
	if err != nil {
		return u.problem(ctx, err)
	}
	u.part("save what changed meanwhile", took, Measured)
	return os.RemoveAll(set.Folder) // the copy of the database needs the room
}

// saveTwice returns how long the second time took.
func (u *run) saveTwice(ctx context.Context, set *state.Set) (time.Duration, error) {
	var need int64
	for _, path := range set.Paths {
		real, _, err := set.Host.Resolve(path)
		if err != nil {
			return 0, err
		}
		size, err := tree.Size(ctx, real)
		if err != nil {
			return 0, err
		}
		need += size
	}
	if err := u.requireSpace(need, "the save of the product's state"); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := set.Save(ctx, true); err != nil {
		return 0, err
	}
	u.before(time.Since(began))
	began = time.Now()
	_, err := set.Save(ctx, true) // it serves: a file may change while it is read
	return time.Since(began), err
}
