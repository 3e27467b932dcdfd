package storecheck

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// Estimate is a number, exact or about.
type Estimate struct {
	Number int64
	About  bool
}

func (e Estimate) String() string {
	if e.About {
		return fmt.Sprintf("about %d", e.Number)
	}
	return fmt.Sprint(e.Number)
}

// mostKept bounds the memory of repeats: 16 MiB.
const mostKept = 2 << 20

// repeats counts texts that come more than once. Of very many it looks at a share, which is
// chosen by the texts themselves: all that are the same are in it or none.
type repeats struct {
	seed  maphash.Seed
	kept  []uint64
	share uint // 1/2^share of all
	most  int  // mostKept, but in tests
}

func (r *repeats) add(text string) {
	if r.kept == nil {
		r.seed = maphash.MakeSeed()
		if r.most == 0 {
			r.most = mostKept
		}
	}
	h := maphash.String(r.seed, text)
	if !r.sampled(h) {
		return
	}
	r.kept = append(r.kept, h)
	for len(r.kept) > r.most {
		r.share++
		r.kept = slices.DeleteFunc(r.kept, func(h uint64) bool { return !r.sampled(h) })
	}
}

func (r *repeats) sampled(h uint64) bool { return h&(1<<r.share-1) == 0 }

// count is how many came that had come before.
func (r *repeats) count() Estimate {
	slices.Sort(r.kept)
	n := len(r.kept) - len(slices.Compact(r.kept))
	return Estimate{int64(n) << r.share, r.share > 0}
}
