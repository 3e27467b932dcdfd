// Package timeform reads the forms of times that products leave in documents, and writes them as
// PostgreSQL reads them.
package timeform

import (
	"bytes"
	"time"
)

// Read reads the forms of times that are found in such documents:
//
//	2017-01-05T10:20:30.123Z                         ISO 8601
//	2017-01-05 10:20:30.123456                       Python's str(datetime.now())
//	2017-01-05 10:20:30                              when microseconds were 0
//	2017-01-05 10:20:30.123+0000                     cut to milliseconds, with an offset
//	2017-01-05 10:20+0000                            when the cut took the seconds
//	2017-01-05 10:20:30.123Coordinated Universal Time  the name of a zone instead
//
// An offset is applied. With zoned, a time without an offset or Z is none; otherwise the wall
// clock counts, and another tail is ignored. What is finer than a microsecond is cut off.
func Read(s []byte, zoned bool) (time.Time, bool) {
	r := clock{rest: s, ok: true}
	year := r.number(4)
	r.one('-', '-')
	month := r.number(2)
	r.one('-', '-')
	day := r.number(2)
	r.one(' ', 'T')
	hour := r.number(2)
	r.one(':', ':')
	minute := r.number(2)
	second, micro := 0, 0
	if r.ok && len(r.rest) > 0 && r.rest[0] == ':' {
		r.rest = r.rest[1:]
		second = r.number(2)
		if r.ok && len(r.rest) > 0 && (r.rest[0] == '.' || r.rest[0] == ',') {
			micro = r.fraction()
		}
	}
	if !r.ok || year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC)
	if at.Day() != day { // the 30th of February
		return time.Time{}, false
	}
	offset, hasOffset := r.offset()
	switch {
	case hasOffset:
		at = at.Add(-offset)
	case string(r.rest) == "Z":
	case zoned || len(r.rest) > 0 && bytes.IndexByte([]byte("0123456789:.,"), r.rest[0]) >= 0:
		return time.Time{}, false
	}
	return at, at.Year() >= 1 && at.Year() <= 9999
}

// clock reads the parts of a time; ok is false from the first that is missing.
type clock struct {
	rest []byte
	ok   bool
}

func (r *clock) number(digits int) (n int) {
	if len(r.rest) < digits {
		r.ok = false
		return 0
	}
	for _, c := range r.rest[:digits] {
		if c < '0' || c > '9' {
			r.ok = false
			return 0
		}
		n = 10*n + int(c-'0')
	}
	r.rest = r.rest[digits:]
	return n
}

func (r *clock) one(a, b byte) {
	if len(r.rest) == 0 || r.rest[0] != a && r.rest[0] != b {
		r.ok = false
		return
	}
	r.rest = r.rest[1:]
}

// fraction reads the point and the digits behind it, as microseconds.
func (r *clock) fraction() (micro int) {
	r.rest = r.rest[1:]
	n := 0
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		if n < 6 {
			micro = 10*micro + int(r.rest[n]-'0')
		}
		n++
	}
	r.ok = n > 0
	for i := n; i < 6; i++ {
		micro *= 10
	}
	r.rest = r.rest[n:]
	return micro
}

// offset reads +hhmm, +hh:mm or +hh when that is all that is left.
func (r *clock) offset() (time.Duration, bool) {
	if len(r.rest) == 0 || r.rest[0] != '+' && r.rest[0] != '-' {
		return 0, false
	}
	o := clock{rest: r.rest[1:], ok: true}
	hours, minutes := o.number(2), 0
	if o.ok && len(o.rest) > 0 {
		if o.rest[0] == ':' {
			o.rest = o.rest[1:]
		}
		minutes = o.number(2)
	}
	if !o.ok || len(o.rest) > 0 || hours > 15 || minutes > 59 {
		return 0, false
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if r.rest[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// Write writes a time as PostgreSQL reads it.
func Write(at time.Time, zone bool) []byte {
	b := at.AppendFormat(make([]byte, 0, 32), "2006-01-02 15:04:05.999999")
	if zone {
		b = append(b, "+00"...)
	}
	return b
}
