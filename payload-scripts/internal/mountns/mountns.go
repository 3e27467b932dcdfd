// Package mountns runs a program that sees other files than the host has: in a mount namespace
// of its own, where some files are replaced. It promises that the host's files stay as they are
// for everybody else, and that nothing is left when the program has ended.
//
// A file that is there is covered by a bind mount; one that is not there is seen through an
// overlay (overlayfs) of its folder, whose upper layer lies in the scratch folder. Writes of the
// program to other files do reach the host.
package mountns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"onerpm/payload-scripts/internal/programs"
)

// Replace says what the program sees at a path of the host.
type Replace struct {
	Path string // absolute
	With string // a file; "" for an empty one: the program must not find what Path has
}

// ErrCannot is wrapped when the host cannot show a program other files.
var ErrCannot = errors.New("a program cannot be shown other files on this host")

// cannot is the script's exit status for that.
const cannot = 125

// script makes the mounts that its arguments name and becomes the program. Its mounts end with
// the namespace.
const script = `mount --make-rprivate / || exit 125
while [ "$1" != -- ]; do
	case $1 in
	bind) mount --bind "$2" "$3" || exit 125 ;;
	over) mount -t overlay overlay -o "lowerdir=$3,upperdir=$2/up,workdir=$2/work" "$3" || exit 125 ;;
	esac
	shift 3
done
shift
exec "$@"`

// Run runs a program as programs.Run does, with the files replaced. scratch is an empty folder for
// the time of the run, best in memory. A file in a folder that is not there is left out.
func Run(ctx context.Context, scratch string, files []Replace, c programs.Cmd) (programs.Result, error) {
	mounts, err := mounts(scratch, files)
	if err != nil {
		return programs.Result{}, err
	}
	program, err := programs.Find(c.Name, c.Folders...)
	if err != nil {
		return programs.Result{}, err
	}
	name, its := c.Name, c.Args
	args := append([]string{"--mount", "sh", "-c", script, "mountns"}, mounts...)
	c.Name, c.Args = "unshare", append(append(args, "--", program), its...)
	res, err := programs.Run(ctx, c)
	if exit := (*programs.ExitError)(nil); errors.As(err, &exit) {
		if exit.Name, exit.Args = name, its; res.Code == cannot {
			return res, fmt.Errorf("%w: %w", ErrCannot, err)
		}
	}
	return res, err
}

// mounts are the script's arguments, three for each mount.
func mounts(scratch string, files []Replace) ([]string, error) {
	empty := filepath.Join(scratch, "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		return nil, err
	}
	var bind, over []string
	layers := map[string]string{} // folder -> its overlay's place in the scratch folder
	for _, f := range files {
		info, err := os.Stat(f.Path)
		switch {
		case err == nil && !info.Mode().IsRegular():
			return nil, fmt.Errorf("%w: %s is no regular file", ErrCannot, f.Path)
		case err == nil:
			with := f.With
			if with == "" {
				with = empty
			}
			bind = append(bind, "bind", with, f.Path)
			continue
		case !errors.Is(err, os.ErrNotExist):
			return nil, err
		case f.With == "":
			continue
		}
		dir := filepath.Dir(f.Path)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		if strings.ContainsAny(dir+scratch, `,:\`) {
			return nil, fmt.Errorf("%w: mount options cannot name %s", ErrCannot, dir)
		}
		layer, known := layers[dir]
		if !known {
			layer = filepath.Join(scratch, "layer"+strconv.Itoa(len(layers)))
			layers[dir] = layer
			over = append(over, "over", layer, dir)
			for _, sub := range []string{"up", "work"} {
				if err := os.MkdirAll(filepath.Join(layer, sub), 0o755); err != nil {
					return nil, err
				}
			}
		}
		data, err := os.ReadFile(f.With)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(layer, "up", filepath.Base(f.Path)), data, 0o600); err != nil {
			return nil, err
		}
	}
	return append(over, bind...), nil // a folder's overlay would hide what is bound below it
}
