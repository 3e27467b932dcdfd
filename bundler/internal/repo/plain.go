package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"onerpm/bundler/internal/repodata"
	"onerpm/bundler/internal/store"
)

// The metadata of a generation has the URL of each package in it, because a generation is not where the packages are. A copy
// of the store under another address has no use for it. So stable has the same metadata once more, with places that are relative
// to the store's top. It lies there in repodata/, which makes the store as a whole a plain yum repository, for whatever copies
// one: reposync, Pulp, Katello, wget. Clients of the store itself do not use it: it is replaced file by file, and who
// reads in that moment has the metadata of one time and the signature of another, and must read again.

// Where it lies: in a generation, and at the store's top. The lists of files and changelogs are the generation's own.
const (
	plainFolder = "plain/"
	plainRepomd = plainFolder + "repomd.xml"
	topFolder   = "repodata/"
)

// plainSet makes the metadata for copies of a generation's, in a folder of its own below dir.
func plainSet(ctx context.Context, dir string, set *repodata.Set, base string) (*repodata.Set, error) {
	at := filepath.Join(dir, "plain")
	if err := os.Mkdir(at, 0o700); err != nil {
		return nil, err
	}
	return repodata.Relative(ctx, at, set, base)
}

// plainFiles returns the names of a generation's metadata for copies, in the order in which they are put at the store's
// top: what repomd.xml names comes before it. The name there has the last part of each.
func plainFiles(set *repodata.Set) []string {
	names := []string{plainFolder + set.Files[0].Name}
	for _, f := range set.Files[1:] {
		names = append(names, topFolder+f.Name)
	}
	return append(names, plainRepomd+".asc", plainRepomd)
}

// readPlain reads the repomd.xml for copies of a generation.
func (r *Repo) readPlain(ctx context.Context, at string, x *Index) (*repodata.Set, error) {
	b, _, err := r.read(ctx, at+plainRepomd, repodata.MaxRepomd)
	if err != nil {
		return nil, err
	}
	if got := digest(b); got != x.Plain {
		return nil, damaged("%s has sha256 %s, the index says %s", at+plainRepomd, got, x.Plain)
	}
	set, err := repodata.Parse(b)
	if err != nil {
		return nil, damaged("%s: %w", at+plainRepomd, err)
	}
	return set, nil
}

// putPlain puts stable's metadata for copies at the store's top.
func (r *Repo) putPlain(ctx context.Context, stable generation) error {
	if stable.index == nil || stable.index.Plain == "" {
		return nil
	}
	at := generationName(Stable, stable.id)
	set, err := r.readPlain(ctx, at, stable.index)
	if err != nil {
		return err
	}
	for _, name := range plainFiles(set) {
		if err := r.store.Copy(ctx, at+name, topFolder+filepath.Base(name)); err != nil {
			return fmt.Errorf("put the metadata for copies into %s: %w", topFolder, err)
		}
	}
	return nil
}

// plain checks the metadata for copies of a generation, whose own set is in dir, and what lies of it at the store's top.
func (v *verifier) plain(ctx context.Context, at string, x *Index, own *repodata.Set, dir string) error {
	if err := v.repomd(ctx, x.Channel, at+plainRepomd); err != nil {
		return err
	}
	set, err := v.readPlain(ctx, at, x)
	if err != nil {
		return err
	}
	f := &set.Files[0]
	f.Path = filepath.Join(dir, "plain-"+f.Name)
	if err := v.fetch(ctx, at+plainFolder+f.Name, f.Path, f.Size); err != nil {
		return err
	}
	for i := range set.Files[1:] {
		set.Files[1+i].Path = own.Files[1+i].Path
	}
	if err := set.Check(ctx); err != nil {
		return fmt.Errorf("%s: %w", at+plainFolder, err)
	}
	if err := v.listed(ctx, set, x, ""); err != nil {
		return err
	}
	for _, f := range set.Files {
		if err := v.noteDamage(v.verifyDigest(ctx, topFolder+f.Name, f.SHA256)); err != nil {
			return err
		}
	}
	if err := v.noteDamage(v.verifyDigest(ctx, topFolder+"repomd.xml", x.Plain)); err != nil {
		return err
	}
	return v.repomd(ctx, x.Channel, topFolder+"repomd.xml")
}

// sweepPlain removes lists at the store's top that were put there before a time, and that its repomd.xml does not name.
func (r *Repo) sweepPlain(ctx context.Context, before time.Time) error {
	var old []string
	for info, err := range r.store.List(ctx, topFolder) {
		if err != nil {
			return err
		}
		if info.Modified.Before(before) && len(filepath.Base(info.Name)) > sumLength && sumGrammar.MatchString(filepath.Base(info.Name)[:sumLength]) {
			old = append(old, info.Name)
		}
	}
	if old == nil {
		return nil
	}
	b, _, err := r.read(ctx, topFolder+"repomd.xml", repodata.MaxRepomd) // after the list: what came later is not in it
	if errors.Is(err, store.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	set, err := repodata.Parse(b)
	if err != nil {
		return nil // the next that publishes writes it anew
	}
	named := map[string]bool{}
	for _, f := range set.Files {
		named[topFolder+f.Name] = true
	}
	for _, name := range old {
		if named[name] {
			continue
		}
		if err := r.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// sumLength is that of a SHA-256 in hexadecimal.
const sumLength = 64
