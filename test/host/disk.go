package host

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

// disk is an ext4 in a file, mounted over a loop device: what a machine with DiskMiB
// writes goes there and nowhere else.
type disk struct {
	image string
	at    string // where it is mounted
}

// ext4Shutdown stops an ext4 at once, like a drive that loses its power: nothing that
// is not on the drive yet reaches it any more, the journal's own pages neither
// (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH of linux/fs/ext4/ext4.h).
const (
	ext4Shutdown   = 0x8004587d
	ext4NoLogFlush = 2
)

// newDisk makes and mounts the disk of the machine whose folder is dir.
func newDisk(ctx context.Context, dir string, sizeMiB int) (*disk, error) {
	d := &disk{image: filepath.Join(dir, "disk.img"), at: filepath.Join(dir, diskDir)}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		return nil, fmt.Errorf("make the machine's disk: %w", err)
	}
	if err := os.Truncate(d.image, int64(sizeMiB)<<20); err != nil {
		return nil, fmt.Errorf("make the machine's disk: %w", err)
	}
	// no reserved blocks: "full" is full for root too; everything initialised
	// now, so that no kernel thread writes later
	if err := tool(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image); err != nil {
		return nil, fmt.Errorf("make the machine's disk: %w", err)
	}
	if err := os.Mkdir(d.at, 0o755); err != nil {
		return nil, fmt.Errorf("make the machine's disk: %w", err)
	}
	return d, d.mount(ctx)
}

// mount mounts the disk; ext4 replays its journal then, as after a power cut.
func (d *disk) mount(ctx context.Context) error {
	if err := tool(ctx, "mount", "-t", "ext4", "-o", "loop,noatime", d.image, d.at); err != nil {
		return fmt.Errorf("mount the machine's disk: %w", err)
	}
	return nil
}

// cut takes the power from the disk.
func (d *disk) cut() error {
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

// PowerCut takes the power from the machine and its disk in the same moment and
// leaves it off: what was not synced is lost, except what the kernel had happened to
// write by then. [Machine.Start] boots what is left. It needs Options.DiskMiB.
func (m *Machine) PowerCut(ctx context.Context) error {
	if m.disk == nil {
		return errors.New("cut the power: the test machine has no disk of its own; set Options.DiskMiB")
	}
	if err := m.disk.cut(); err != nil {
		return err
	}
	if err := m.Kill(); err != nil {
		return err
	}
	for _, at := range []string{m.merged(), m.disk.at} {
		if err := unmount(at); err != nil {
			return fmt.Errorf("cut the power: %w", err)
		}
	}
	if err := m.disk.awaitReleased(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		if err := m.disk.copy(ctx); err != nil {
			return err
		}
	}
	if err := m.disk.mount(ctx); err != nil {
		return err
	}
	return m.mount()
}

// releaseLimit bounds the wait for a disk's release; after it, its copy is taken.
const releaseLimit = 15 * time.Second

// awaitReleased waits until the kernel has let go of the disk: a container that boots at
// that moment holds a copy of all the host's mounts until it has left them behind, and
// with it the file system that has no power any more.
func (d *disk) awaitReleased(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	for d.attached() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the disk %s is released: %w", d.image, ctx.Err())
		case <-time.After(leaderPoll):
		}
	}
	return nil
}

// copy goes on with a copy of the disk. Its file system has no power, so that nothing
// more is written to it but blocks that its own journal has already.
func (d *disk) copy(ctx context.Context) error {
	image := d.image + "+"
	if err := tool(ctx, "cp", "--sparse=always", "--reflink=auto", d.image, image); err != nil {
		return fmt.Errorf("copy the machine's disk: %w", err)
	}
	d.image = image
	return nil
}

// attached says whether a loop device has the disk.
func (d *disk) attached() bool {
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

// tool runs a program of the host's.
func tool(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLines(out, 10))
	}
	return nil
}
