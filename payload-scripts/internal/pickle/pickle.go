// Package pickle writes JSON values as Python pickles of protocol 2, which Python 2 and 3
// read alike: texts as unicode, whole numbers of any size as integers, others as floats,
// objects as dicts in which the last of equal keys counts, as in Python's own json.
package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"onerpm/payload-scripts/internal/document"
)

// Opcodes, each of protocol 2 or older.
const (
	proto      = "\x80\x02"
	none       = 'N'
	yes        = '\x88'
	no         = '\x89'
	binInt     = 'J'    // 4 bytes, little endian
	long1      = '\x8a' // a length of 1 byte, then two's complement, little endian
	long4      = '\x8b' // a length of 4 bytes
	binFloat   = 'G'    // 8 bytes, big endian
	binUnicode = 'X'    // a length of 4 bytes, then UTF-8
	emptyList  = ']'
	appends    = 'e'
	emptyDict  = '}'
	setItems   = 'u'
	mark       = '('
	stop       = '.'
)

// maxDigits bounds a whole number: Python 3 itself refuses longer ones in a text.
const maxDigits = 4300

// Append appends the pickle of a JSON value, which must be valid, to dst.
func Append(dst, raw []byte) ([]byte, error) {
	dst, err := value(append(dst, proto...), document.Trim(raw))
	if err != nil {
		return nil, err
	}
	return append(dst, stop), nil
}

func value(dst, raw []byte) ([]byte, error) {
	switch document.KindOf(raw) {
	case document.Null:
		return append(dst, none), nil
	case document.Bool:
		if raw[0] == 't' {
			return append(dst, yes), nil
		}
		return append(dst, no), nil
	case document.Number:
		return number(dst, string(raw))
	case document.String:
		return text(dst, raw)
	case document.List:
		var err error
		began := false
		dst = append(dst, emptyList)
		document.Items(raw, func(item []byte) bool {
			if !began {
				dst, began = append(dst, mark), true
			}
			dst, err = value(dst, item)
			return err == nil
		})
		if began {
			dst = append(dst, appends)
		}
		return dst, err
	case document.Object:
		var err error
		began := false
		dst = append(dst, emptyDict)
		document.Members(raw, func(key, member []byte) bool {
			if !began {
				dst, began = append(dst, mark), true
			}
			if dst, err = text(dst, key); err == nil {
				dst, err = value(dst, member)
			}
			return err == nil
		})
		if began {
			dst = append(dst, setItems)
		}
		return dst, err
	}
	return nil, errors.New("there is no value")
}

func text(dst, raw []byte) ([]byte, error) {
	dst = append(dst, binUnicode, 0, 0, 0, 0)
	at := len(dst)
	dst = document.Unquote(dst, raw)
	n := len(dst) - at
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("a text of %d bytes", n)
	}
	binary.LittleEndian.PutUint32(dst[at-4:], uint32(n))
	return dst, nil
}

func number(dst []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if s[i] == '.' || s[i] == 'e' || s[i] == 'E' {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range it is infinite, as in Python
				return nil, err
			}
			return binary.BigEndian.AppendUint64(append(dst, binFloat), math.Float64bits(f)), nil
		}
	}
	if i, err := strconv.ParseInt(s, 10, 32); err == nil {
		return binary.LittleEndian.AppendUint32(append(dst, binInt), uint32(int32(i))), nil
	}
	if len(s) > maxDigits {
		return nil, fmt.Errorf("a number of %d digits", len(s))
	}
	i, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, errors.New("a number that is none")
	}
	b := twosComplement(i)
	if len(b) < 256 {
		dst = append(dst, long1, byte(len(b)))
	} else {
		dst = binary.LittleEndian.AppendUint32(append(dst, long4), uint32(len(b)))
	}
	return append(dst, b...), nil
}

// twosComplement writes a number in as few bytes as hold it with its sign, little endian.
func twosComplement(i *big.Int) []byte {
	size := (i.BitLen() + 8) / 8 // one bit more, for the sign
	if i.Sign() < 0 {
		size = (new(big.Int).Not(i).BitLen() + 8) / 8
		i = new(big.Int).Add(i, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	b := i.FillBytes(make([]byte, size))
	slices.Reverse(b)
	return b
}
