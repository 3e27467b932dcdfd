// Package diff3 lines three versions of a text up, by lines.
package diff3

import "github.com/aymanbagabas/go-udiff/lcs"

// Chunk is a stretch of the three files. In a stable one all three say the same.
type Chunk struct {
	Stable                 bool
	B0, B1, T0, T1, M0, M1 int // half-open ranges of lines of base, theirs and mine
}

// Merge cuts three files into chunks the way diff3(1) does: a stretch of lines
// of base that both others have is stable, what lies between two such is not.
// (Khanna, Kunal, Pierce: A Formal Investigation of Diff3.)
//
// The public Go packages for this return text with markers in it or are not
// kept up; what is needed here, ranges over lines that are compared by keys, is
// these few lines over the diff of the Go tools, whose search is bounded.
func Merge(base, theirs, mine []string) []Chunk {
	inTheirs, inMine := alignThree(base, theirs, mine)
	var out []Chunk
	b, t, m := 0, 0, 0
	for {
		n := 0
		for b+n < len(base) && inTheirs[b+n] == t+n && inMine[b+n] == m+n {
			n++
		}
		if n > 0 {
			out = append(out, Chunk{true, b, b + n, t, t + n, m, m + n})
			b, t, m = b+n, t+n, m+n
			continue
		}
		o := b
		for o < len(base) && (inTheirs[o] < 0 || inMine[o] < 0) {
			o++
		}
		if o == len(base) {
			if b < len(base) || t < len(theirs) || m < len(mine) {
				out = append(out, Chunk{false, b, len(base), t, len(theirs), m, len(mine)})
			}
			return out
		}
		out = append(out, Chunk{false, b, o, t, inTheirs[o], m, inMine[o]})
		b, t, m = o, inTheirs[o], inMine[o]
	}
}

// alignThree returns for each line of base its partners in theirs and mine. A
// file that is nearer to theirs than to base (one that was merged before) is
// lined up with theirs, so that lines which repeat fall into the same places again.
func alignThree(base, theirs, mine []string) (inTheirs, inMine []int) {
	inTheirs, inMine = Align(base, theirs), Align(base, mine)
	direct := Align(theirs, mine)
	if len(base)-2*pairs(inMine) < len(theirs)-2*pairs(direct) {
		return inTheirs, inMine
	}
	for b, t := range inTheirs {
		inMine[b] = -1
		if t >= 0 {
			inMine[b] = direct[t]
		}
	}
	return inTheirs, inMine
}

// pairs counts the lines that have a partner.
func pairs(alignment []int) int {
	n := 0
	for _, p := range alignment {
		if p >= 0 {
			n++
		}
	}
	return n
}

// Align returns for each element of a its partner's index in b, -1 for none.
func Align(a, b []string) []int {
	out := make([]int, len(a))
	i, j := 0, 0
	for _, d := range append(lcs.DiffLines(a, b), lcs.Diff{Start: len(a), End: len(a), ReplStart: len(b), ReplEnd: len(b)}) {
		for ; i < d.Start; i, j = i+1, j+1 {
			out[i] = j
		}
		for ; i < d.End; i++ {
			out[i] = -1
		}
		j = d.ReplEnd
	}
	return out
}
