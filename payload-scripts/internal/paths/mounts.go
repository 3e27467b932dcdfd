package paths

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/host"
)

// mountsOf returns the file systems that a path without links lies on: the one
// that covers it and, of a tree, those mounted below, sorted. The root's own is
// left out: it is always there. So are mounts of a folder onto itself.
func mountsOf(all []Mount, real string, isTree bool) []Mount {
	seen := map[string]Mount{}
	for _, m := range all { // of several at one point the last is seen
		if !m.itself { // the same files are there without it
			seen[m.Point] = m
		}
	}
	covers := ""
	var out []Mount
	for point, m := range seen {
		switch {
		case point == "/":
		case Within(real, point):
			if len(point) > len(covers) {
				covers = point
			}
		case isTree && Within(point, real):
			out = append(out, m)
		}
	}
	if covers != "" {
		out = append(out, seen[covers])
	}
	slices.SortFunc(out, func(a, b Mount) int { return strings.Compare(a.Point, b.Point) })
	return out
}

// Within reports whether a path is a folder or lies in it.
func Within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// MountError is a path that does not lie on the file systems that it lay on when
// the attempt began.
type MountError struct {
	Path    string
	Missing []Mount // that were there
	Extra   []Mount // that were not
}

func (e *MountError) Error() string {
	var what []string
	for _, m := range e.Missing {
		what = append(what, m.String()+" is not mounted any more: mount it again")
	}
	for _, m := range e.Extra {
		what = append(what, m.String()+" is mounted now and was not: unmount it")
	}
	return e.Path + " is not the place that it was when the attempt began: " + strings.Join(what, ", ")
}

// CheckMounts is a *MountError when a recorded path lies on other file systems now: what is
// saved of it must not be written to the folder below. Trees count when trees is set.
func CheckMounts(r *Record, trees bool) error {
	sorted := slices.Sorted(maps.Keys(r.Ways))
	for _, path := range sorted { // an automount is mounted by looking
		if dir, err := host.OpenDir(string(r.Ways[path].Real)); err == nil {
			_ = dir.Close()
		}
	}
	all, err := Mounts()
	if err != nil {
		return err
	}
	for _, path := range sorted {
		way := r.Ways[path]
		if way.Tree && !trees {
			continue
		}
		is := mountsOf(all, string(way.Real), way.Tree)
		e := &MountError{Path: path, Missing: without(way.Mounts, is), Extra: without(is, way.Mounts)}
		if len(e.Missing)+len(e.Extra) > 0 {
			return e
		}
	}
	return nil
}

// without returns those of a that are not in b.
func without(a, b []Mount) []Mount {
	var out []Mount
	for _, m := range a {
		if !slices.ContainsFunc(b, m.is) {
			out = append(out, m)
		}
	}
	return out
}

// automount is the type of a mount that is made when somebody looks: until then,
// and again when nobody has looked for a while, it stands in the other's place.
const automount = "autofs"

// is reports whether two mounts are the same.
func (m Mount) is(o Mount) bool {
	return m == o || m.Point == o.Point && (m.Type == automount || o.Type == automount)
}

// AwaitMounts waits until every recorded path lies on the file systems that it
// lay on, for as long as limit: at a boot some come late, those of a network
// above all. waiting, when not nil, is called before each look but the first.
func AwaitMounts(ctx context.Context, r *Record, trees bool, limit time.Duration, waiting func(*MountError)) error {
	const pause = time.Second / 4
	for waited := time.Duration(0); ; waited += pause {
		err := CheckMounts(r, trees)
		wrong := (*MountError)(nil)
		if !errors.As(err, &wrong) {
			return err
		}
		if limit == 0 {
			return err
		}
		if waited >= limit {
			return fmt.Errorf("waited %s: %w", limit, err)
		}
		if waited == 0 {
			slog.Warn("waiting for file systems", "because", err)
		}
		if waiting != nil {
			waiting(wrong)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
