package rpm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// Owners turns the names of users and groups into numbers the way rpm does:
// one that the host does not know is root.
type Owners struct {
	users, groups map[string]int
	ask           bool // getent, for names that are not in the files (LDAP and the like)
}

// Owners reads the host's users and groups.
func (h *Host) Owners() (*Owners, error) {
	o := &Owners{ask: h.Root == ""}
	var err error
	if o.users, err = readIDs(h.Path("/etc/passwd")); err != nil {
		return nil, err
	}
	o.groups, err = readIDs(h.Path("/etc/group"))
	return o, err
}

// maxAccount bounds a line of passwd(5) or group(5): a group names all of its members.
const maxAccount = 4 << 20

// readIDs reads name and number (first and third field) of passwd(5) or group(5).
func readIDs(path string) (map[string]int, error) {
	ids := map[string]int{"root": 0}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ids, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read users and groups: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxAccount)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil {
			ids[fields[0]] = id
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read users and groups of %s: %w", path, err)
	}
	return ids, nil
}

// Names returns the users and groups in the host's files, as "user NAME" and "group NAME", sorted.
func (o *Owners) Names() []string {
	var all []string
	for name := range o.users {
		all = append(all, "user "+name)
	}
	for name := range o.groups {
		all = append(all, "group "+name)
	}
	sort.Strings(all)
	return all
}

// User returns the number of a user.
func (o *Owners) User(name string) int { return o.id(o.users, "passwd", name) }

// Group returns the number of a group.
func (o *Owners) Group(name string) int { return o.id(o.groups, "group", name) }

func (o *Owners) id(known map[string]int, database, name string) int {
	if id, ok := known[name]; ok {
		return id
	}
	id := 0
	if o.ask && name != "" {
		res, err := programs.Run(context.Background(), programs.Cmd{Name: "getent", Args: []string{database, "--", name}, Timeout: 10 * time.Second})
		fields := strings.Split(res.Stdout, ":")
		if err == nil && len(fields) > 2 {
			if n, err := strconv.Atoi(fields[2]); err == nil {
				id = n
			}
		}
	}
	known[name] = id
	return id
}
