package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// The forms of a random value besides hexadecimal characters.
const (
	RandomBase64   = "base64"
	RandomDistinct = "distinct"
)

// RandomForms are all of them.
var RandomForms = []string{RandomBase64, RandomDistinct}

// LettersAndDigits are what a value of different characters is made of.
const LettersAndDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// MaxRandom is the longest random value: hexadecimal characters, or bytes in base64.
const MaxRandom = 4096

// Check says what is wrong with a value by itself, "" for nothing.
func (v Value) Check() string {
	n := 0
	for _, there := range []bool{v.Literal != nil, v.Random != 0, v.Copy != ""} {
		if there {
			n++
		}
	}
	switch {
	case n != 1:
		return "exactly one of a literal, random or copy is needed"
	case v.Random < 0 || v.Random > MaxRandom:
		return fmt.Sprintf("random %d is not between 1 and %d", v.Random, MaxRandom)
	}
	return v.CheckRandom()
}

// CheckRandom says what is wrong with the form of a random value, "" for nothing.
func (v Value) CheckRandom() string {
	switch {
	case v.As == "":
		return ""
	case v.Random == 0:
		return "as is the form of a random value, and there is none"
	case !slices.Contains(RandomForms, v.As):
		return fmt.Sprintf("%q is none of %s", v.As, strings.Join(RandomForms, ", "))
	case v.As == RandomDistinct && v.Random > len(LettersAndDigits):
		return fmt.Sprintf("there are only %d different letters and digits", len(LettersAndDigits))
	}
	return ""
}
