package timeform

import "testing"

// FuzzTime: what is read is written so that it is read again; with and without a zone the clock is the same.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2017-01-05T10:20:30.123Z", "2017-01-05 10:20+0000", "2017-01-05 10:20:30.123Coordinated Universal Time", "2017-01-05 10:20:30.123+05:30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wall, ok := Read([]byte(s), false)
		zoned, is := Read([]byte(s), true)
		if is && (!ok || !wall.Equal(zoned)) {
			t.Errorf("%q: %v with a zone, %v without", s, zoned, wall)
		}
		if again, same := Read(Write(wall, false), false); ok && (!same || !again.Equal(wall)) {
			t.Errorf("%q: %v is written and read as %v", s, wall, again)
		}
	})
}
