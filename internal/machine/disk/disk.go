// Package disk is a small ext4 in a file, mounted over a loop device, whose power can be cut: what
// was not synced is lost. A test machine writes to one, and a test of code that must
// write durably needs no more than it. It needs root and e2fsprogs.
package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a mounted disk.
type Disk struct {
	at      string
	image   string
	release time.Duration // how long to wait for the kernel to let go of a disk that was cut; after that a copy is taken
}

// ext4Shutdown stops an ext4 at once, like a drive that loses its power: nothing that
// is not on the drive yet reaches it any more, the journal's own pages neither
// (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH of linux/fs/ext4/ext4.h).
const (
	ext4Shutdown   = 0x8004587d
	ext4NoLogFlush = 2
)

const (
	toolLimit    = 10 * time.Minute
	unmountLimit = 2 * time.Minute // a process that was killed may be a moment in dying
	releaseLimit = 15 * time.Second
	poll         = 20 * time.Millisecond
)

// New makes a disk of so many MiB at the folder at, which must not exist; its image lies in the file
// image. The caller unmounts it with [Unmount] and removes both.
func New(ctx context.Context, image, at string, sizeMiB int) (*Disk, error) {
	d := &Disk{image: image, at: at, release: releaseLimit}
	if err := d.format(ctx, sizeMiB); err != nil {
		return nil, fmt.Errorf("make the disk %s: %w", image, err)
	}
	return d, d.mount(ctx)
}

func (d *Disk) format(ctx context.Context, sizeMiB int) error {
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(d.image, int64(sizeMiB)<<20); err != nil {
		return err
	}
	// no reserved blocks: "full" is full for root too; everything initialised
	// now, so that no kernel thread writes later
	if err := tool(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image); err != nil {
		return err
	}
	return os.Mkdir(d.at, 0o755)
}

// At is the folder at which the disk is mounted.
func (d *Disk) At() string { return d.at }

// mount mounts the disk; ext4 replays its journal then, as after a power cut.
func (d *Disk) mount(ctx context.Context) error {
	if err := tool(ctx, "mount", "-t", "ext4", "-o", "loop,noatime", d.image, d.at); err != nil {
		return fmt.Errorf("mount the disk %s: %w", d.image, err)
	}
	return nil
}

// Cut takes the power from the disk. It stays mounted and cannot be used.
func (d *Disk) Cut() error {
	f, err := os.Open(d.at)
	if err != nil {
		return fmt.Errorf("cut the disk's power: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, ext4NoLogFlush); err != nil {
		return fmt.Errorf("cut the disk's power: %w", err)
	}
	return nil
}

// Restore mounts what a disk that was cut still has. Nobody may use it any more.
func (d *Disk) Restore(ctx context.Context) error {
	if err := Unmount(d.at); err != nil {
		return err
	}
	if err := d.awaitReleased(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if err := d.copy(ctx); err != nil {
			return err
		}
	}
	return d.mount(ctx)
}

// PowerCut cuts the disk's power and mounts what is left.
func (d *Disk) PowerCut(ctx context.Context) error {
	if err := d.Cut(); err != nil {
		return err
	}
	return d.Restore(ctx)
}

// awaitReleased waits until the kernel has let go of the disk: a container that boots at
// that moment holds a copy of all the host's mounts until it has left them behind, and
// with it the file system that has no power any more.
func (d *Disk) awaitReleased(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.release)
	defer cancel()
	for d.attached() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the disk %s is released: %w", d.image, ctx.Err())
		case <-time.After(poll):
		}
	}
	return nil
}

// copy goes on with a copy of the disk. Its file system has no power, so that nothing
// more is written to it but blocks that its own journal has already.
func (d *Disk) copy(ctx context.Context) error {
	image := d.image + "+"
	if err := tool(ctx, "cp", "--sparse=always", "--reflink=auto", d.image, image); err != nil {
		return fmt.Errorf("copy the disk %s: %w", d.image, err)
	}
	d.image = image
	return nil
}

// attached says whether a loop device has the disk.
func (d *Disk) attached() bool {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return false
	}
	for _, file := range files {
		if image, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(image)) == d.image {
			return true
		}
	}
	return false
}

// Unmount undoes all mounts at path, whatever they are. A process that uses one and was killed may be a moment in dying.
func Unmount(path string) error {
	for deadline := time.Now().Add(unmountLimit); ; time.Sleep(poll) {
		switch err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW); {
		case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT):
			return nil // nothing is mounted there
		case err != nil && time.Now().After(deadline):
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}

// tool runs a program of the host's.
func tool(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, toolLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
