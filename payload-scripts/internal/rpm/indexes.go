package rpm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"onerpm/payload-scripts/internal/host"
	"onerpm/payload-scripts/internal/programs"
)

// rebuildTimeout bounds the making of the indexes; a thousand packages take some seconds.
const rebuildTimeout = 10 * time.Minute

// MendIndexes makes the indexes of rpm's database anew where it is a Berkeley DB (rpm before 4.16, and later where _db_backend says
// so). Its packages and each of its indexes are files of their own, which no log keeps together: after a transaction that was cut off
// a package can be there (rpm -qa) that nobody finds by its name or its files. Other databases have one file, or a log.
func (h *Host) MendIndexes(ctx context.Context) error {
	dbpath, err := h.DBPath(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dbpath, "Packages")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	const which = "%{_db_backend}"
	backend, err := Eval(ctx, which)
	if err != nil {
		return fmt.Errorf("ask rpm which database it has: %w", err)
	}
	if backend != "bdb" && backend != which { // a macro that an old rpm does not know stays as it is
		return nil
	}
	slog.Info("rpm was cut off: the indexes of its database are made anew", "database", dbpath)
	host.Point("rebuild indexes", "")
	res, err := programs.Run(context.WithoutCancel(ctx), programs.Cmd{Name: "rpm", Args: append(h.args(), "--rebuilddb"), Timeout: rebuildTimeout})
	if err != nil {
		return fmt.Errorf("make the indexes of rpm's database in %s anew: %w", dbpath, err)
	}
	slog.Info("rpm's indexes are made anew", "said", res.Stderr)
	left, err := filepath.Glob(dbpath + "rebuilddb.*") // of one that was cut off itself
	for _, folder := range left {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return errors.Join(err, host.SyncFS(dbpath))
}
