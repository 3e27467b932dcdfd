package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// System is what a product needs of a machine's distribution beside what every machine has: each text stands at @PRODUCT@ in the
// file of the recipe that it belongs to.
type System struct {
	// Packages are Debian packages, one a line; behind a name may stand the platforms that it is for, when it is not for all.
	Packages string
	// Provides is what components may require and those packages stand for, one a line: "postgresql-server = 15".
	Provides string
	// Setup is shell, run in the Debian root before it boots for the first time.
	Setup string
	// Tree has files that are laid over it before that, by their paths; nil for none.
	Tree fs.FS
}

// root is a platform with what a product needs: all of a machine that lies below the product.
type root struct {
	platform
	System
	tell func(format string, a ...any)
}

func rootOf(o Options) (root, error) {
	p, err := platformOf(o.Platform)
	return root{p, o.System, o.Tell}, err
}

// cached is the function cached for a layer of the machine: who waits is told that it is made.
func (r root) cached(ctx context.Context, kind, key string, create func(ctx context.Context, path string) error) (*entry, error) {
	return cached(ctx, kind, key, func(ctx context.Context, path string) error {
		if r.tell != nil {
			r.tell("making the layer %s-%s, which is kept for the next time", kind, key)
		}
		return create(ctx, path)
	})
}

// PackagesOn are the Debian packages of a machine.
func PackagesOn(platform string, s System) ([]string, error) {
	r, err := rootOf(Options{Platform: platform, System: s})
	return r.packages(), err
}

// text returns a file of the recipe, with what the product adds to it.
func (r root) text(name string) string {
	own := map[string]string{"debian/packages": r.Packages, "base/provides": r.Provides, "base/setup.sh": r.Setup}[name]
	return strings.ReplaceAll(recipeText(name), "@PRODUCT@", strings.TrimRight(own, "\n"))
}

// packages are those of its Debian root: lines of the recipe, of which some are for certain platforms only.
func (r root) packages() (names []string) {
	for _, line := range recipeLines(r.fill(r.text("debian/packages"))) {
		name, only, _ := strings.Cut(line, " ")
		if only == "" || slices.Contains(strings.Fields(only), r.Name) {
			names = append(names, name)
		}
	}
	return names
}

// excludes are the patterns of what is left out of its Debian root.
func (r root) excludes() []string { return recipeLines(r.fill(r.text("debian/exclude"))) }

// rootKey names the Debian root: what is in it and what is left out.
func (r root) rootKey() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n%q\n%q\n", r.suite, r.packages(), r.excludes())
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// baseKey names the whole machine without the product, its Debian root included.
func (r root) baseKey() (string, error) {
	files := map[string]string{} // by their paths in the recipe
	read := func(from fs.FS, folder, as string) error {
		return fs.WalkDir(from, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(from, name)
			files[path.Join(as, name)] = string(text)
			return err
		})
	}
	err := read(recipe, "recipe/base", "")
	if err == nil && r.Tree != nil {
		err = read(r.Tree, ".", "recipe/base/tree")
	}
	if err != nil {
		return "", fmt.Errorf("read the recipe: %w", err)
	}
	for _, name := range []string{"base/provides", "base/setup.sh"} {
		files["recipe/"+name] = r.text(name)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", []string{r.rootKey()})
	byFolder := func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }
	for _, name := range slices.SortedFunc(maps.Keys(files), byFolder) {
		fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256([]byte(files[name])))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
