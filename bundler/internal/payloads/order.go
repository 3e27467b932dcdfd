package payloads

import (
	"path"
	"regexp"
	"sort"
)

// span is a file in a payload, with the head of its entry in the archive.
type span struct {
	path     string
	digest   string // of the content, as the header has it; "" where it has none
	from, to int64  // bytes from the payload's begin
}

// piece is what comes next of a payload.
type piece struct {
	payload int // new or old
	size    int64
}

// The numbers of the payloads of a pair.
const (
	newPayload = 0
	oldPayload = 1
)

const (
	// batch is how much of a payload comes, at least, before the other one has its turn: a record costs some bytes, and breaks off what could be one
	// match.
	batch = 512 << 10
	// most is how much of a file comes before the same part of its other version: less than what the encoder remembers well.
	most = 2 << 20
	// longest is how large a piece may be; its size has 32 bits.
	longest = 1 << 30
)

// order cuts two payloads in pieces: each file of the old one comes right after the file of the new one that it is most like, as far as the
// files' order allows. An empty list of spans stands for a payload that is not there.
func order(new, old []span) []piece {
	c := &cutter{}
	after := places(new, old)
	j := 0
	for ; j < len(old) && after[j] < 0; j++ {
		c.reach(oldPayload, old[j].to)
	}
	for i, n := range new {
		if j < len(old) && after[j] == i && max(n.size(), old[j].size()) > most {
			c.together(n, old[j])
			j++
		}
		c.reach(newPayload, n.to)
		for ; j < len(old) && after[j] == i; j++ {
			c.reach(oldPayload, old[j].to)
		}
	}
	c.flush()
	return c.pieces
}

func (s span) size() int64 { return s.to - s.from }

// places returns behind which file of new each file of old comes, in an order that only goes up; -1 is before all of them.
func places(new, old []span) []int {
	like := partners(new, old)
	keep := ascending(like)
	at := -1
	for j := range like {
		if keep[j] {
			at = like[j]
		}
		like[j] = at
	}
	return like
}

// partners returns the file of new that each of old is most like, -1 where none is: the one of the same path, or else of the same content, or else
// of the same path but for numbers in it, as versions are.
func partners(new, old []span) []int {
	byPath, byDigest, byPattern := map[string]int{}, map[string]int{}, map[string]int{}
	for i, n := range new {
		byPath[n.path] = i
		byDigest[n.digest] = i
		if _, has := byPattern[pattern(n.path)]; !has {
			byPattern[pattern(n.path)] = i
		}
	}
	list := make([]int, len(old))
	for j, o := range old {
		i, is := byPath[o.path]
		if !is && o.digest != "" {
			i, is = byDigest[o.digest]
		}
		if !is {
			i, is = byPattern[pattern(o.path)]
		}
		if !is {
			i = -1
		}
		list[j] = i
	}
	return list
}

var numbers = regexp.MustCompile(`[0-9]+(?:[._-][0-9]+)*`)

func pattern(p string) string { return numbers.ReplaceAllString(path.Clean(p), "0") }

// ascending tells which of the numbers make up the longest list that never goes down; those below 0 do not.
func ascending(list []int) []bool {
	var ends []int // ends[n]: where the list of n+1 numbers ends whose last one is the smallest
	before := make([]int, len(list))
	for j, v := range list {
		before[j] = -1
		if v < 0 {
			continue
		}
		n := sort.Search(len(ends), func(n int) bool { return list[ends[n]] > v })
		if n > 0 {
			before[j] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, j)
		} else {
			ends[n] = j
		}
	}
	keep := make([]bool, len(list))
	if len(ends) > 0 {
		for j := ends[len(ends)-1]; j >= 0; j = before[j] {
			keep[j] = true
		}
	}
	return keep
}

// cutter makes pieces.
type cutter struct {
	pieces []piece
	done   [2]int64 // bytes of each payload in pieces
	seen   [2]int64 // bytes of each payload that are to come now
}

// reach has a payload come up to a place.
func (c *cutter) reach(payload int, to int64) {
	c.seen[payload] = max(to, c.seen[payload])
	if c.seen[payload]-c.done[payload] >= batch {
		c.flush()
	}
}

// together has two files come side by side, in parts.
func (c *cutter) together(new, old span) {
	c.reach(newPayload, new.from)
	c.reach(oldPayload, old.from)
	parts := (max(new.size(), old.size())-1)/most + 1
	for k := int64(1); k <= parts; k++ {
		c.seen[newPayload] = new.from + new.size()*k/parts
		c.seen[oldPayload] = old.from + old.size()*k/parts
		c.flush()
	}
}

func (c *cutter) flush() {
	for _, payload := range []int{newPayload, oldPayload} {
		for c.done[payload] < c.seen[payload] {
			n := min(c.seen[payload]-c.done[payload], longest)
			c.pieces = append(c.pieces, piece{payload, n})
			c.done[payload] += n
		}
	}
}
