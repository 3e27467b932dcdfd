package repo_test

import (
	"context"
	"strings"
	"testing"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
)

// put writes a file of a store whatever is there, as somebody without a key can.
func put(t testing.TB, s store.Store, name, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), name, strings.NewReader(text), store.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestOlderState puts an old pointer, which was signed once, back in place: nothing is published on top of it, or withdrawn
// from it, and who does so is told what has happened since.
func TestOlderState(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w world) {
		const pointer = repo.Testing + "/mirrorlist"
		r := open(t, w)
		publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Testing)
		old := content(t, w, pointer)
		publish(t, r, build(t, jump{from: "1.0", to: "1.1", revision: 2}), repo.Testing)
		if _, err := r.Withdraw(t.Context(), nevra1, "it was wrong"); err != nil {
			t.Fatal(err)
		}
		right := content(t, w, pointer)
		other := load(t, build(t, jump{from: "1.1", to: "1.2", revision: 1}))

		refused := func(what string, want ...string) {
			t.Helper()
			before := state(t, w)
			_, published := open(t, w).Publish(t.Context(), other, repo.Testing)
			_, withdrawn := open(t, w).Withdraw(t.Context(), nevra2, "x")
			for _, err := range []error{published, withdrawn} {
				if exit.Code(err) != exit.Published || !strings.Contains(exit.Hint(err), strings.TrimSpace(right)+" back into "+pointer) {
					t.Errorf("%s: %v\nhint %q", what, err, exit.Hint(err))
				}
				for _, part := range want {
					if err != nil && !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %q is not in %v", what, part, err)
					}
				}
			}
			unchanged(t, w, before)
			rep, err := open(t, w).Verify(t.Context())
			if err != nil || !strings.Contains(strings.Join(rep.Problems, "\n"), "an older state was put back") {
				t.Errorf("%s: verify: %+v, %v", what, rep, err)
			}
		}
		put(t, w, pointer, old)
		refused("the first state", nevra2+" was published", nevra1+" was withdrawn")
		// Whoever puts index.json back as well gains nothing.
		for _, name := range []string{"index.json", "index.json.asc"} {
			if err := w.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		refused("and no index", nevra1+" was withdrawn")
		if err := w.Delete(t.Context(), pointer); err != nil {
			t.Fatal(err)
		}
		refused("no pointer", "testing/mirrorlist is gone")

		put(t, w, pointer, right)
		if _, err := r.Publish(t.Context(), other, repo.Testing); err != nil {
			t.Error(err)
		}
		whole(t, w)
	})
}

// TestForeignState gives a store the channel of another one with the same key.
func TestForeignState(t *testing.T) {
	t.Parallel()
	stores := make([]store.Store, 2)
	for i := range stores {
		var err error
		if stores[i], err = store.Open(t.Context(), t.TempDir(), store.Options{}); err != nil {
			t.Fatal(err)
		}
		publish(t, open(t, stores[i]), build(t, jump{from: "1.0", to: "1.1", revision: 1 + i}), repo.Testing)
	}
	here, other := stores[0], stores[1]
	for name, text := range state(t, other) {
		if strings.HasPrefix(name, repo.Testing+"/g/") || name == repo.Testing+"/mirrorlist" {
			put(t, here, name, text)
		}
	}
	before := state(t, here)
	l := load(t, build(t, jump{from: "1.1", to: "1.2", revision: 1}))
	if _, err := open(t, here).Publish(t.Context(), l, repo.Testing); exit.Code(err) != exit.Published || exit.Hint(err) == "" {
		t.Errorf("another store's channel: %v", err)
	}
	// The line alone, with an address that is not the generation's.
	line := strings.Replace(before[repo.Testing+"/mirrorlist"], "file://", "https://example.org", 1)
	put(t, here, repo.Testing+"/mirrorlist", line)
	if _, err := open(t, here).Publish(t.Context(), l, repo.Testing); exit.Code(err) != exit.Published {
		t.Errorf("a pointer that leads elsewhere: %v", err)
	}
}

// liar is a store that does not do what it says with the file of a name.
type liar struct {
	store.Store
	name string
	err  error // of every Put of it; nil for a Put that does nothing
}

func (l liar) Put(ctx context.Context, name string, c store.Content, o store.PutOptions) (string, error) {
	if name == l.name && o.When != store.Always {
		return "", l.err
	}
	return l.Store.Put(ctx, name, c, o)
}

// A publisher neither reports a bundle that is not there, nor tries for ever.
func TestStoreThatLies(t *testing.T) {
	t.Parallel()
	l := load(t, build(t, jump{from: "1.0", to: "1.1", revision: 2}))
	for _, tt := range []struct {
		name, want string
		code       int
		err        error
	}{
		{repo.Testing + "/mirrorlist", "is not there any more", exit.Published, nil},
		{repo.Testing + "/mirrorlist", "refused it 10 times", exit.Store, store.ErrConflict},
		{"index.json", "refused it 10 times", exit.Store, store.ErrConflict},
	} {
		s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, open(t, s), build(t, jump{from: "1.0", to: "1.1", revision: 1}), repo.Testing)
		_, err = open(t, liar{s, tt.name, tt.err}).Publish(t.Context(), l, repo.Testing)
		if exit.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) || exit.Hint(err) == "" {
			t.Errorf("%s, %v: %v", tt.name, tt.err, err)
		}
	}
}
