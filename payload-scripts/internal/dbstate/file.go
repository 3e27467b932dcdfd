package dbstate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"onerpm/payload-scripts/internal/database"
	"onerpm/payload-scripts/internal/dbspace"
	"onerpm/payload-scripts/internal/host"
)

// maxControl is the size of pg_control, in bytes, of any version.
const maxControl = 8192

// fromFile reads what a server before 9.6 does not tell out of its file, when it runs on this machine.
func fromFile(ctx context.Context, db *database.DB) (system string, timeline int64, err error) {
	dir, here, err := dbspace.Folder(ctx, db)
	if err != nil {
		return "", 0, err
	}
	if !here {
		return "", 0, errors.New("PostgreSQL tells it since version 9.6, and its files are not on this machine")
	}
	data, err := host.ReadFile(filepath.Join(dir, "global", "pg_control"), maxControl)
	if err != nil {
		return "", 0, err
	}
	return parseControl(data)
}

// controlVersion is that of pg_control in PostgreSQL 9.5 (PG_CONTROL_VERSION in catalog/pg_control.h).
const controlVersion = 942

// Where in pg_control of that version something stands, in bytes, as its struct ControlFileData has it on a machine of 64 bits.
const (
	atSystem   = 0  // uint64 system_identifier
	atVersion  = 8  // uint32 pg_control_version
	atTimeline = 56 // uint32 checkPointCopy.ThisTimeLineID
	controlEnd = 60
)

func parseControl(data []byte) (system string, timeline int64, err error) {
	if len(data) < controlEnd {
		return "", 0, fmt.Errorf("pg_control has %d bytes", len(data))
	}
	if v := binary.NativeEndian.Uint32(data[atVersion:]); v != controlVersion {
		return "", 0, fmt.Errorf("pg_control is of version %d, not %d", v, controlVersion)
	}
	return strconv.FormatUint(binary.NativeEndian.Uint64(data[atSystem:]), 10), int64(binary.NativeEndian.Uint32(data[atTimeline:])), nil
}
