package repo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/store"
)

// Setup returns the settings with which yum and dnf use the repository: what lies in the store as <p>.repo.
//
// mirrorlist is the channel's pointer, read anew whenever metadata is: so a client sees one whole generation. Both
// gpgcheck and repo_gpgcheck are on: without the latter a mirror could hold back bundles, or offer withdrawn ones. The
// last one is stable as a plain repository, for programs that copy one.
func Setup(f *Front) string {
	var b strings.Builder
	for _, c := range []struct {
		channel, section, name string
		enabled                int
	}{
		{Stable, f.Prefix, "", 1},
		{Testing, f.Prefix + "-" + Testing, ", still being tested", 0},
	} {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		_, _ = fmt.Fprintf(&b, "[%s]\nname=Upgrades of %s%s\nmirrorlist=%s\nenabled=%d\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=%s\nmetadata_expire=1h\n",
			c.section, f.Product, c.name, under(f.Base, pointerName(c.channel)), c.enabled, under(f.Base, keyPrefix+f.Prefix))
	}
	_, _ = fmt.Fprintf(&b, "\n[%s-mirror]\nname=Upgrades of %s, to be copied\nbaseurl=%s\nenabled=0\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=%s\n",
		f.Prefix, f.Product, f.Base+"/", under(f.Base, keyPrefix+f.Prefix))
	return b.String()
}

// Settings returns the settings with which yum and dnf use this store, whether it is a copy or not, and what is in it.
func (r *Repo) Settings(ctx context.Context) (*Front, string, error) {
	f, err := r.Front(ctx)
	if err != nil {
		return nil, "", err
	}
	m, err := r.mirror(ctx)
	if err != nil || m == nil {
		return f, Setup(f), err
	}
	f.Base = m.Base
	return f, mirrorSetup(f), nil
}

// Front returns what is in the store now, from the channels' generations.
func (r *Repo) Front(ctx context.Context) (*Front, error) {
	key, err := r.storeKey(ctx)
	if err != nil {
		return nil, err
	}
	all, err := r.states(ctx)
	if err != nil {
		return nil, err
	}
	f := frontOf(all, key.Fingerprint())
	if f.Prefix == "" {
		return nil, exit.Errorf(exit.Usage, "publish a first one: bundler publish FILE --to "+r.store.String(), "nothing is published in %s", r.store)
	}
	return f, nil
}

// Presign returns a link to a bundle, for who has no right to read the store: the newest that leads to a release, in stable before
// testing, or the one of a NEVRA.
func (r *Repo) Presign(ctx context.Context, release string, d time.Duration) (store.Link, Bundle, error) {
	f, err := r.Front(ctx)
	if err != nil {
		return store.Link{}, Bundle{}, err
	}
	for _, c := range Channels {
		x := f.Channels[c]
		if x == nil {
			continue
		}
		b := x.Bundle(release)
		for _, n := range x.Newest() {
			if b == nil && n.To == release {
				b = &n
			}
		}
		if b != nil {
			link, err := r.store.Presign(ctx, b.File, d)
			return link, *b, err
		}
	}
	return store.Link{}, Bundle{}, exit.Errorf(exit.Usage, "run bundler list --from "+r.store.String()+" to see what there is", "no bundle that leads to %s is published", release)
}
