package layout

import (
	"fmt"
	"os"
	"path/filepath"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/advice"
	"onerpm/payload-scripts/internal/settings"
)

// Bundle is an unpacked bundle.
type Bundle struct {
	Dir      string
	Manifest *manifest.Manifest // with the admin's settings applied
	Settings settings.Settings
	Root     string // put before every path of the host; "" but in tests
}

// Load reads the bundle that the running program stands in: <dir>/bin/engine.
func Load(executable string) (*Bundle, error) {
	real, err := filepath.EvalSymlinks(executable)
	if err != nil {
		return nil, fmt.Errorf("find the bundle: %w", err)
	}
	dir := filepath.Dir(filepath.Dir(real))
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("find the bundle this program belongs to: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	m, err := manifest.Decode(f)
	if err != nil {
		return nil, advice.With(fmt.Errorf("the bundle is damaged: read %s: %w", f.Name(), err), "install it again, with `yum reinstall` of its package or `rpm -U --replacepkgs` of its file")
	}
	b := &Bundle{Dir: dir, Manifest: m}
	b.Settings = settings.Read(b.Places().Settings())
	b.Settings.Apply(m)
	return b, nil
}

// Command is what an admin types to run this program: the product's command or, when the RPM that brought it was
// removed, the attempt's own program.
func (b *Bundle) Command() string {
	p := b.Places()
	if _, err := os.Stat(p.Command()); err != nil && filepath.Dir(b.Dir) == p.Run() {
		return filepath.Join(p.Current(), "bin/engine")
	}
	return p.Prefix
}

// Places returns the folders on the host that belong to the bundle's product.
func (b *Bundle) Places() Places { return Places{Prefix: b.Manifest.Prefix, Root: b.Root} }
