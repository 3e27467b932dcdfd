package rpm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

// Settle is how long rpm needs left alone after one that was killed before
// another one converges (its transactions are numbered by the second).
const Settle = 2 * time.Second

// Erase is the name of a transaction that only takes packages away.
const Erase = "erase"

// lockTries is how often a transaction is begun again when another rpm was faster at the lock.
const lockTries = 10

// Transaction is one call of rpm that changes the host.
type Transaction struct {
	Name     string   // for the mark and the names of the logs, e.g. Erase
	Args     []string // without those that say which root
	Progress func(Progress)
}

// Runner runs transactions. Its folder has the mark of the one that runs, and what rpm says.
type Runner struct {
	Host   *Host
	Folder string
}

// mark tells that rpm was started and is not known to have ended.
func (r Runner) mark() string { return filepath.Join(r.Folder, "rpm-running") }

// Interrupted returns the name of the transaction whose end nobody saw, "" when there is none.
func (r Runner) Interrupted() (string, error) {
	data, err := os.ReadFile(r.mark())
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(data)), err
}

// Began tells whether a transaction of that name was ever begun.
func (r Runner) Began(name string) (bool, error) {
	_, err := os.Stat(filepath.Join(r.Folder, "rpm-"+name+".out"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Forget takes the mark of an interrupted transaction away: what it left half done has been done again.
func (r Runner) Forget() error { return host.Remove(r.mark()) }

// Run runs rpm to its end. When another rpm was faster at the lock it waits for
// that and tries again.
func (r Runner) Run(ctx context.Context, t Transaction) error {
	for try := 1; ; try++ {
		err := r.runOnce(ctx, t)
		if !lockLost(err) || try == lockTries {
			return err
		}
		if err := r.Host.WaitLock(ctx); err != nil {
			return err
		}
	}
}

// runOnce is one call of rpm. rpm writes to files, not to pipes, so that it goes on
// when the engine is killed; the mark tells the next engine of it. The mark of a
// transaction that was cut short stays until that has been done again.
func (r Runner) runOnce(ctx context.Context, t Transaction) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out, err := r.log(t.Name + ".out")
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // only what rpm says
	errs, err := r.log(t.Name + ".err")
	if err != nil {
		return err
	}
	defer errs.Close() //nolint:errcheck // only what rpm says
	before, err := r.Interrupted()
	if err != nil {
		return err
	}
	marks := t.Name != Erase || before == ""
	if marks {
		if err := host.WriteFile(r.mark(), []byte(t.Name+"\n"), host.Attr{Mode: 0o600}); err != nil {
			return err
		}
	}
	stop := follow(out.Name(), t.Progress)
	r.Host.Release() // rpm takes it itself
	res, runErr := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: join(r.Host.args(), t.Args), OutFile: out, ErrFile: errs})
	stop()
	data, err := os.ReadFile(errs.Name())
	if err != nil {
		return fmt.Errorf("read what rpm said: %w", err)
	}
	said := strings.TrimSpace(string(data))
	slog.Info("rpm ended", "transaction", t.Name, "code", res.Code, "said", said)
	if res.Code < 0 { // killed: the mark stays
		return fmt.Errorf("rpm was killed; %s", said)
	}
	if marks {
		if err := r.Forget(); err != nil {
			return err
		}
	}
	return judge(runErr, said)
}

// roomForWords is what is set aside for what rpm says, in bytes.
const roomForWords = 64 << 10

// log opens a fresh file for what rpm says, and keeps the one before.
func (r Runner) log(name string) (*os.File, error) {
	path := filepath.Join(r.Folder, "rpm-"+name)
	host.Point("rename", path)
	if err := os.Rename(path, path+".before"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file for what rpm says: %w", err)
	}
	// Room for it is taken now: when rpm fails on a full disk, that must be told.
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, roomForWords)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		_ = f.Close()
		return nil, fmt.Errorf("reserve space for the output of rpm in %s: %w", path, err)
	}
	return f, nil
}
