package repo

import (
	"context"
	"fmt"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/inspect"
)

// bundle reads a bundle.
func (v *verifier) bundle(ctx context.Context, file string, b Bundle) error {
	rc, _, err := v.store.Open(ctx, file)
	if err != nil {
		return err
	}
	rep, err := inspect.Read(rc, v.key)
	_ = rc.Close() // only read
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	v.mu.Lock()
	v.rep.Bundles++
	v.rep.Bytes += rep.Size
	v.mu.Unlock()
	for _, p := range rep.Problems {
		v.problem("%s: %s", file, p)
	}
	if rep.SHA256 != b.SHA256 {
		v.problem("%s: sha256 is %s, not that of its name", file, rep.SHA256)
	} else if rep.NEVRA != b.NEVRA || b.Size != 0 && rep.Size != b.Size {
		v.problem("%s: it is %s with %d bytes, the index says %d", file, rep.NEVRA, rep.Size, b.Size)
	}
	return nil
}

// verifyDetails reads what is known of a bundle, and what lies beside it.
func (v *verifier) verifyDetails(ctx context.Context, b Bundle) error {
	d, err := v.details(ctx, &b)
	if err != nil {
		return err
	}
	if err := v.companions(ctx, b.File, d); err != nil {
		return err
	}
	return v.certificates(ctx, d)
}

// companions reads what lies beside a bundle.
func (v *verifier) companions(ctx context.Context, file string, d *Details) error {
	companions := map[string][]byte{}
	for _, c := range d.Companions {
		text, _, err := v.read(ctx, c.File, maxCompanion)
		if err != nil {
			if err := v.noteDamage(err); err != nil {
				return err
			}
			continue
		}
		if got := digest(text); got != c.SHA256 {
			v.problem("%s: sha256 is %s, the index says %s", c.File, got, c.SHA256)
			continue
		}
		companions[c.Name] = text
	}
	if len(companions) > 0 && len(companions) == len(d.Companions) {
		if err := checkCompanions(companions, d.SHA256, v.key); err != nil {
			v.problem("%s: %v", file, err)
		}
	}
	return nil
}

// certificates reads a bundle's certificates.
func (v *verifier) certificates(ctx context.Context, d *Details) error {
	for _, c := range d.Certificates {
		statement, _, err := v.read(ctx, c.File, maxCompanion)
		var signature []byte
		if err == nil {
			signature, _, err = v.read(ctx, c.File+".asc", maxKey)
		}
		if err != nil {
			if err := v.noteDamage(err); err != nil {
				return err
			}
			continue
		}
		if got := digest(statement); got != c.SHA256 {
			v.problem("%s: sha256 is %s, the index says %s", c.File, got, c.SHA256)
		} else if _, err := certify.Verify(statement, signature, v.key, d.SHA256, c.Platform); err != nil {
			v.problem("%s: %v", c.File, err)
		}
	}
	return nil
}
