// Package settings reads what the admin of a host decided about its upgrades:
// /etc/<p>/upgrade.conf. The file is read strictly. A mistake in it keeps an
// upgrade from starting, and never one that has begun from going on or back:
// what could be read holds then. A decision names the release that its upgrade
// leads to, and decides nothing of any other.
package settings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Settings are the admin's decisions and the mistakes in the file.
type Settings struct {
	Path        string
	KeepBackups time.Duration // how long an ended attempt's backups are kept; 0 is for ever
	LockWait    time.Duration // longest wait for another package manager to end; 0 when the file does not say
	Conflicts   []Conflict
	Ended       []Ended
	Accepted    []Accepted
	Mistakes    []Mistake
}

// Mistake is what is wrong in a line of the file; line 0 is the file as a whole.
type Mistake struct {
	Line int
	What string
}

// maxSize bounds the file, in bytes.
const maxSize = 64 << 10

// Read reads the file; one that is not there decides nothing.
func Read(path string) Settings {
	s := Settings{Path: path}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return s
	}
	var data []byte
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("it is no regular file")
	case info.Size() > maxSize:
		err = fmt.Errorf("it has %d bytes, more than %d", info.Size(), maxSize)
	default:
		if st, ok := info.Sys().(*syscall.Stat_t); ok && (st.Uid != 0 || info.Mode()&0o022 != 0) {
			s.wrong(0, "others than root can write it: chown root %s; chmod 644 %s", path, path)
			return s
		}
		data, err = os.ReadFile(path)
	}
	if err != nil {
		s.wrong(0, "it cannot be read: %v", err)
		return s
	}
	s.parse(string(data))
	return s
}

func (s *Settings) wrong(line int, format string, args ...any) {
	s.Mistakes = append(s.Mistakes, Mistake{line, fmt.Sprintf(format, args...)})
}

// parse reads lines "key = value"; a line that starts with # is a comment.
func (s *Settings) parse(text string) {
	first := map[string]int{}
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, "=") // a file's key may have one, a value never
		if at < 0 {
			s.wrong(n, "not a setting such as \"keep-backups = 30d\": %s", short(line))
			continue
		}
		key, value := strings.Join(strings.Fields(line[:at]), " "), strings.TrimSpace(line[at+1:])
		if before, twice := first[key]; twice {
			s.wrong(n, "%s is set twice; the first is on line %d", short(key), before)
			continue
		}
		first[key] = n
		s.set(n, key, value)
	}
}

func (s *Settings) set(line int, key, value string) {
	word, rest, _ := strings.Cut(key, " ")
	switch {
	case key == "keep-backups":
		keep, err := days(value)
		if err != nil {
			s.wrong(line, "keep-backups: %v", err)
		}
		s.KeepBackups = keep
	case key == "wait-for-packages":
		wait, err := time.ParseDuration(value)
		if err != nil || wait < time.Second || wait > maxWait {
			s.wrong(line, "wait-for-packages: %s is no time from 1s to %s, such as 90s or 5m", short(value), maxWait)
			return
		}
		s.LockWait = wait
	case slices.Contains(decisions, word):
		if err := s.decide(word, rest, value, line); err != nil {
			s.wrong(line, "%s: %v", word, err)
		}
	default:
		s.wrong(line, "there is no setting %s; the settings are keep-backups, wait-for-packages, %s", short(key), strings.Join(decisions, ", "))
	}
}

// maxWait bounds wait-for-packages.
const maxWait = 24 * time.Hour

// maxDays bounds keep-backups: 100 years.
const maxDays = 36500

func days(value string) (time.Duration, error) {
	if value == "forever" {
		return 0, nil
	}
	number, isDays := strings.CutSuffix(value, "d")
	n, err := strconv.Atoi(number)
	if !isDays || err != nil || n < 1 || n > maxDays {
		return 0, fmt.Errorf("%s is neither a number of days such as 30d nor forever", short(value))
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return strconv.Quote(s)
}
