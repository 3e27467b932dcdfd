package payloads

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// files makes spans of paths with these sizes, one behind the other.
func files(size int64, paths ...string) []span {
	var list []span
	at := int64(0)
	for _, p := range paths {
		list = append(list, span{path: p, digest: "of " + p, from: at, to: at + size})
		at += size
	}
	return list
}

// distances tells, for each file of old, how many bytes of both payloads come between the begin of the file of new at the same place of
// the list like and its own.
func distances(new, old []span, like []int) []int64 {
	begins := [2]map[int64]int64{{}, {}}
	var at [2]int64
	total := int64(0)
	for _, p := range order(new, old) {
		for _, f := range [][]span{new, old}[p.payload] {
			if f.from >= at[p.payload] && f.from < at[p.payload]+p.size {
				begins[p.payload][f.from] = total + f.from - at[p.payload]
			}
		}
		at[p.payload] += p.size
		total += p.size
	}
	var list []int64
	for j, i := range like {
		list = append(list, begins[oldPayload][old[j].from]-begins[newPayload][new[i].from])
	}
	return list
}

// TestNearby: each file of the old payload comes soon after the one it is like, whatever became of its path.
func TestNearby(t *testing.T) {
	t.Parallel()
	names := func(format string) (list []string) {
		for i := range 300 {
			list = append(list, fmt.Sprintf(format, i))
		}
		return list
	}
	all := make([]int, 300)
	for i := range all {
		all[i] = i
	}
	for name, old := range map[string][]span{
		"the same paths":     files(300_000, names("/opt/app/lib/%03d.so")...),
		"another version":    files(300_000, names("/opt/app-1.0/lib/%03d.so")...),
		"the same in a part": files(300_000, names("/opt/app/lib/%03d.so")[:100]...),
	} {
		new := files(300_000, names("/opt/app/lib/%03d.so")...)
		if name == "another version" {
			new = files(300_000, names("/opt/app-2.0/lib/%03d.so")...)
			for i := range new { // numbers in a pattern are all alike: content tells
				new[i].digest = old[i].digest
			}
		}
		for j, d := range distances(new, old, all[:len(old)]) {
			if d < 0 || d > 4<<20 {
				t.Errorf("%s: file %d comes %d bytes behind", name, j, d)
				break
			}
		}
	}
	large := distances(files(90<<20, "/opt/app/program"), files(80<<20, "/opt/app/program"), []int{0})
	if large[0] > most {
		t.Errorf("a large file begins %d bytes behind the one it is like", large[0])
	}
}

// TestOrderIsComplete: whatever the files are, all bytes of both payloads are there once, in order, and no piece is too large or empty.
func TestOrderIsComplete(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		var sets [2][]span
		for k := range sets {
			at := int64(0)
			for range random.IntN(40) {
				size := random.Int64N(600)
				if random.IntN(5) == 0 {
					size = random.Int64N(20 << 20)
				}
				if random.IntN(60) == 0 {
					size = 3 << 30
				}
				sets[k] = append(sets[k], span{path: fmt.Sprintf("/%d/%d", random.IntN(3), random.IntN(30)), digest: fmt.Sprint(random.IntN(50)), from: at, to: at + size})
				at += size
			}
		}
		var got [2]int64
		for _, p := range order(sets[newPayload], sets[oldPayload]) {
			if p.size < 1 || p.size > longest {
				t.Fatalf("round %d: a piece of %d bytes", round, p.size)
			}
			got[p.payload] += p.size
		}
		for k, set := range sets {
			want := int64(0)
			if n := len(set); n > 0 {
				want = set[n-1].to
			}
			if got[k] != want {
				t.Fatalf("round %d: %d bytes of payload %d, want %d", round, got[k], k, want)
			}
		}
	}
}

func TestAscending(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ list, want []int }{
		{nil, nil},
		{[]int{-1, -1}, nil},
		{[]int{0, 1, 2}, []int{0, 1, 2}},
		{[]int{9, 0, 1, -1, 2, 8}, []int{0, 1, 2, 8}},
		{[]int{3, 3, 1, 3}, []int{3, 3, 3}},
	} {
		var got []int
		for j, keep := range ascending(c.list) {
			if keep {
				got = append(got, c.list[j])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.list, got, c.want)
		}
	}
}
