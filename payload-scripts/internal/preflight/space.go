package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/release"
)

// spare is left free on every file system, in bytes: logs, journals, rpm's own growth.
const spare = 64 << 20

// volume is a file system and what will be taken of it.
type volume struct {
	path  string // one that lies on it
	bytes int64
	files int64
	peak  int64
	what  map[string]int64 // for people: what takes how much
}

// space compares what the upgrade takes with what is free, for each file system.
func (r *run) space(ctx context.Context) []finding.Finding {
	volumes := map[uint64]*volume{}
	if err := r.needs(ctx, volumes); err != nil {
		return failed("determine how much disk space is needed", err)
	}
	var found []finding.Finding
	for _, v := range volumes {
		f, err := v.compare()
		if err != nil {
			return failed("determine how much disk space is free", err)
		}
		found = append(found, f...)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].What < found[j].What })
	return found
}

// needs adds up everything that will be written.
func (r *run) needs(ctx context.Context, volumes map[uint64]*volume) error {
	varDir, runDir := filepath.Join("/var/lib", r.Manifest.Prefix), filepath.Join("/opt", r.Manifest.Prefix, "run")
	all := []Need{}
	if same, err := r.sameVolume(r.Dir, filepath.Join(r.Root, runDir)); err != nil {
		return err
	} else if !same { // hard links cannot be made
		n := Need{Path: runDir, What: "copy of the bundle"}
		for _, f := range r.Manifest.Files {
			n.Bytes += f.Size
		}
		all = append(all, n)
	}
	for _, path := range r.Manifest.State {
		size, err := treeSize(ctx, filepath.Join(r.Root, path))
		if err != nil {
			return err
		}
		all = append(all, Need{Path: varDir, Bytes: size, What: "backup of " + path})
	}
	rebuilt, err := r.rebuilt(ctx)
	if err != nil {
		return err
	}
	all = append(all, Need{Path: runDir, Bytes: rebuilt, What: "rebuilt packages"})
	size, err := r.set.RPM.DatabaseSize(ctx)
	if err != nil {
		return err
	}
	all = append(all, Need{Path: varDir, Bytes: size, What: "copy of rpm's database"})
	for _, ask := range r.Needs {
		more, err := ask(ctx)
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	for _, n := range all {
		v, err := r.volumeOf(volumes, n.Path)
		if err != nil {
			return err
		}
		v.bytes += n.Bytes
		v.what[n.What] += n.Bytes
	}
	return r.packagesNeed(volumes)
}

// rebuilt returns the bytes of the packages that are yet to be rebuilt. An attempt that was stopped has some.
func (r *run) rebuilt(ctx context.Context) (int64, error) {
	var n int64
	for _, set := range []*packages.Set{r.set, r.early} {
		if set == nil {
			continue
		}
		for _, side := range []manifest.Side{manifest.Old, manifest.New} {
			more, err := set.RebuiltSize(side)
			if err != nil {
				return 0, err
			}
			n += more
		}
	}
	there, err := treeSize(ctx, filepath.Join(r.Dir, release.RebuiltFolder))
	return max(0, n-there), err
}

func (r *run) packagesNeed(volumes map[uint64]*volume) error {
	for _, set := range []*packages.Set{r.set, r.early} {
		if set == nil {
			continue
		}
		growth, err := set.Growth()
		if err != nil {
			return err
		}
		for dir, g := range growth {
			v, err := r.volumeOf(volumes, dir)
			if err != nil {
				return err
			}
			v.what["packages"] += g.Bytes
			v.files += g.Files
			v.peak = max(v.peak, g.Peak)
		}
	}
	for _, v := range volumes {
		v.what["packages"] = max(0, v.what["packages"])
		v.bytes += v.what["packages"] + v.peak
		v.what["largest file while it is replaced"] = v.peak
	}
	return nil
}

// volumeOf returns the file system of a path of the host.
func (r *run) volumeOf(volumes map[uint64]*volume, path string) (*volume, error) {
	at, dev, err := existing(filepath.Join(r.Root, path))
	if err != nil {
		return nil, err
	}
	if volumes[dev] == nil {
		volumes[dev] = &volume{path: at, what: map[string]int64{}}
	}
	return volumes[dev], nil
}

func (r *run) sameVolume(a, b string) (bool, error) {
	_, x, err := existing(a)
	if err != nil {
		return false, err
	}
	_, y, err := existing(b)
	return x == y, err
}

// existing returns the nearest path above that exists, and its device.
func existing(path string) (string, uint64, error) {
	for {
		var st unix.Stat_t
		err := unix.Stat(path, &st)
		if err == nil {
			return path, uint64(st.Dev), nil //nolint:unconvert // 32 bits wide elsewhere
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) || path == "/" {
			return "", 0, fmt.Errorf("look at %s: %w", path, err)
		}
		path = filepath.Dir(path)
	}
}

func (v *volume) compare() ([]finding.Finding, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(v.path, &st); err != nil {
		return nil, fmt.Errorf("look at the file system of %s: %w", v.path, err)
	}
	free := int64(st.Bavail) * st.Bsize
	var found []finding.Finding
	if need := v.bytes + spare; need > free {
		found = append(found, finding.Finding{
			ID: "no-room", Level: finding.Refuse,
			What: fmt.Sprintf("the file system of %s has %s free, %s are needed: %s", v.path, megabytes(free), megabytes(need), v.detail()),
			Do:   fmt.Sprintf("free at least %s there", megabytes(need-free)),
		})
	}
	if st.Files > 0 && int64(st.Ffree) < v.files+1000 {
		found = append(found, finding.Finding{
			ID: "no-inodes", Level: finding.Refuse,
			What: fmt.Sprintf("the file system of %s has room for %d more files, %d are needed", v.path, st.Ffree, v.files+1000),
			Do:   "remove files that are not needed there",
		})
	}
	return found, nil
}

func (v *volume) detail() string {
	parts := []string{megabytes(spare) + " spare"}
	for what, bytes := range v.what {
		if bytes > 0 {
			parts = append(parts, megabytes(bytes)+" "+what)
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

// megabytes rounds up.
func megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+1<<20-1)>>20) }

// treeSize returns the bytes that a copy of what is below path takes; 0 when it is not there.
// A file with several names counts once, and holes do not: the copy keeps both.
func treeSize(ctx context.Context, path string) (int64, error) {
	var sum int64
	counted := map[[2]uint64]bool{} // device and number of files with several names
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // the product serves: files come and go
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		size := (info.Size() + 4095) &^ 4095
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			if id := [2]uint64{st.Dev, st.Ino}; st.Nlink > 1 {
				if counted[id] {
					return nil
				}
				counted[id] = true
			}
			size = min(size, (st.Blocks*512+4095)&^4095)
		}
		sum += size
		return nil
	})
	return sum, err
}
