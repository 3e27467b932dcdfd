package document

// Finder finds the values at several paths in one walk over a document.
type Finder struct {
	root *branch
	n    int
}

// branch is a key on the way to some of the paths.
type branch struct {
	key   string
	place int // of the value at this key, -1 when it is not wanted
	sub   []*branch
}

// NewFinder returns one for no path yet.
func NewFinder() *Finder { return &Finder{root: &branch{place: -1}} }

// Add adds a path and returns the place of its value in what Find fills; the same one for
// the same path.
func (f *Finder) Add(path []string) int {
	at := f.root
	for _, key := range path {
		var sub *branch
		for _, b := range at.sub {
			if b.key == key {
				sub = b
			}
		}
		if sub == nil {
			sub = &branch{key: key, place: -1}
			at.sub = append(at.sub, sub)
		}
		at = sub
	}
	if at.place < 0 {
		at.place = f.n
		f.n++
	}
	return at.place
}

// Find returns the values of a document, in into when it is large enough; nil where there
// is none.
func (f *Finder) Find(raw []byte, into [][]byte) [][]byte {
	if cap(into) < f.n {
		into = make([][]byte, f.n)
	}
	into = into[:f.n]
	clear(into)
	f.root.find(raw, into)
	return into
}

func (b *branch) find(raw []byte, into [][]byte) {
	if b.place >= 0 {
		into[b.place] = raw
	}
	if len(b.sub) == 0 || KindOf(raw) != Object {
		return
	}
	for i := 1; ; {
		m, ok := next(raw, i)
		if !ok {
			return
		}
		i = m.end
		for _, s := range b.sub {
			if isKey(raw[m.key:m.keyEnd], s.key) {
				s.forget(into) // of an earlier value under the same key
				s.find(raw[m.value:m.end], into)
				break
			}
		}
	}
}

func (b *branch) forget(into [][]byte) {
	if b.place >= 0 {
		into[b.place] = nil
	}
	for _, s := range b.sub {
		s.forget(into)
	}
}
