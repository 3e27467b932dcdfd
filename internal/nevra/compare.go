package nevra

import "strings"

// CompareEVR orders two versions, [epoch:]version[-release], as rpm does: -1 when a
// is older than b, 0 when they are the same, 1 when a is newer. A missing epoch is 0; a missing
// release is older than any.
func CompareEVR(a, b string) int {
	x, y := parseEVR(a), parseEVR(b)
	if c := compareVersion(x.epoch, y.epoch); c != 0 {
		return c
	}
	if c := compareVersion(x.version, y.version); c != 0 {
		return c
	}
	switch {
	case x.hasRelease && y.hasRelease:
		return compareVersion(x.release, y.release)
	case x.hasRelease:
		return 1
	case y.hasRelease:
		return -1
	}
	return 0
}

type evr struct {
	epoch, version, release string
	hasRelease              bool
}

func parseEVR(s string) evr {
	e := evr{epoch: "0"}
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n < len(s) && s[n] == ':' {
		if n > 0 {
			e.epoch = s[:n]
		}
		s = s[n+1:]
	}
	e.version, e.release, e.hasRelease = cutRelease(s)
	return e
}

// cutRelease cuts at the last dash.
func cutRelease(s string) (version, release string, ok bool) {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// compareVersion is rpmvercmp(): segments of digits or letters compared one by one;
// ~ is older than the end of the string, ^ is newer than it but older than anything else.
func compareVersion(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a, b = skipSeparators(a), skipSeparators(b)
		if c, done := compareMark(&a, &b); done {
			return c
		} else if c == again {
			continue
		}
		if a == "" || b == "" {
			break
		}
		class, isNumber := isLetter, isDigit(a[0])
		if isNumber {
			class = isDigit
		}
		x, y := prefix(a, class), prefix(b, class)
		if y == "" { // digits are newer than letters
			if isNumber {
				return 1
			}
			return -1
		}
		a, b = a[len(x):], b[len(y):]
		if c := compareSegment(x, y, isNumber); c != 0 {
			return c
		}
	}
	switch {
	case a == "" && b == "":
		return 0
	case a == "":
		return -1
	}
	return 1
}

const again = 2

// compareMark handles a ~ or ^ at the front of either. It returns again, not done,
// when both had the same one, which is then cut off.
func compareMark(a, b *string) (c int, done bool) {
	x, y := first(*a), first(*b)
	switch {
	case x == '~' && y == '~', x == '^' && y == '^':
		*a, *b = (*a)[1:], (*b)[1:]
		return again, false
	case x == '~':
		return -1, true
	case y == '~':
		return 1, true
	case x == '^' && y == 0, y == '^' && x != 0:
		return 1, true
	case x == '^', y == '^':
		return -1, true
	}
	return 0, false
}

func compareSegment(x, y string, isNumber bool) int {
	if isNumber {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			if len(x) < len(y) {
				return -1
			}
			return 1
		}
	}
	return strings.Compare(x, y)
}

func first(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

func skipSeparators(s string) string {
	for s != "" && !isDigit(s[0]) && !isLetter(s[0]) && s[0] != '~' && s[0] != '^' {
		s = s[1:]
	}
	return s
}

func prefix(s string, class func(byte) bool) string {
	n := 0
	for n < len(s) && class(s[n]) {
		n++
	}
	return s[:n]
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
