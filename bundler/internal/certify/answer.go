package certify

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mark is a random text that a machine prints around its answer to one script. What a login shell's start file or
// ssh prints before and behind it does not count, and an answer without its end is none. The script has it in two
// halves: whoever repeats the script has not answered it.
//
//	Welcome to vm!
//	MARK begins
//	the script's output, which need not end with a newline: MARK ends 0
//
// On standard error there is the begin too, and "MARK works" again and again, by which one knows that the machine
// and the connection are alive.
type mark string

// The words behind a mark.
const (
	begins = " begins\n"
	ends   = " ends "
	works  = " works\n"
)

var (
	errNoAnswer = errors.New("it did not answer")
	errCutOff   = errors.New("its answer is cut off")
)

func newMark() mark {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return mark(hex.EncodeToString(b[:]))
}

// ask is what the machine's shell gets in place of a script, which runs in a subshell: it may exit or exec. The script
// cannot eat itself: all is read before it begins, and its standard input is empty. What tells that the
// machine works ends with the shell, and when nobody listens any more.
func (m mark) ask(script string, every time.Duration) string {
	half := len(m) / 2
	return `{
certify_mark() { printf '%s%s %s\n' ` + string(m[:half]) + ` ` + string(m[half:]) + ` "$1"; }
certify_mark begins
certify_mark begins >&2
(
	trap 'kill -9 $! 2>/dev/null; exit' TERM
	while sleep ` + strconv.FormatFloat(every.Seconds(), 'f', -1, 64) + ` >/dev/null 2>&1 & wait $! && kill -0 $$ 2>/dev/null && certify_mark works >&2; do :; done
) >/dev/null &
certify_works=$!
(
` + script + `
)
certify_code=$?
exec 2>/dev/null
kill "$certify_works"
wait "$certify_works"
certify_mark "ends $certify_code"
exit "$certify_code"
} </dev/null
`
}

// read returns the answer in what came on standard output, and the script's exit code. Of one that is cut off it returns what there is.
func (m mark) read(came string) (answer string, code int, err error) {
	_, rest, begun := strings.Cut(came, string(m)+begins)
	if !begun {
		return "", 0, errNoAnswer
	}
	end := strings.LastIndex(rest, string(m)+ends)
	if end < 0 {
		return rest, 0, errCutOff
	}
	digits, _, whole := strings.Cut(rest[end+len(m)+len(ends):], "\n")
	if !whole {
		return rest[:end], 0, errCutOff
	}
	n, err := strconv.ParseUint(digits, 10, 8)
	if err != nil || digits != strconv.FormatUint(n, 10) {
		return rest[:end], 0, fmt.Errorf("%w: exit code %s", errCutOff, strconv.Quote(short(digits)))
	}
	return rest[:end], int(n), nil
}

// said returns what the script wrote to standard error. Where the begin is not there the prefix has no standard error of
// its own, or only the end was kept.
func (m mark) said(came string) string {
	if _, rest, begun := strings.Cut(came, string(m)+begins); begun {
		came = rest
	}
	return strings.ReplaceAll(came, string(m)+works, "")
}
