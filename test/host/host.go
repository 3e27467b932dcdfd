// Package host is the test machine (package machine) with the demo product: a Debian 12 with systemd as its first
// process, rpm, dnf, PostgreSQL and nginx, in a container that boots in seconds. Beside what every machine can do, this one
// has what a test needs: commands that have to succeed, a network of clients, the product's data.
//
// It needs root and the programs that install.sh beside it installs.
package host

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"onerpm/internal/machine"
)

// recipe is what the demo product needs of the distribution: see [machine.System].
//
//go:embed recipe
var recipe embed.FS

// What a test needs of package machine.
type (
	// Cmd is a command to run in a machine.
	Cmd = machine.Cmd
	// Process is a process of a machine.
	Process = machine.Process
)

// Usual is the platform of a machine that asks for none.
const Usual = machine.Usual

// Platforms are the names of all platforms, the oldest first.
func Platforms() []string { return machine.Platforms() }

// CacheDir returns the folder that holds roots, layers and running machines.
func CacheDir() (string, error) { return machine.CacheDir() }

// Options say what a machine is to have.
type Options struct {
	// Platform is one of [Platforms]; [Usual] if empty.
	Platform string
	// Release is the product's release that is installed and serves, such as
	// "4.1.1"; empty for a machine without the product.
	Release string
	// Data puts the product's small set of data in. It needs a Release.
	Data bool
	// DiskMiB, if not 0, puts what the machine writes on an ext4 of its own of
	// that size in MiB. PowerCut needs it; it is also how a disk gets full.
	DiskMiB int
}

// Machine is one test machine: see [machine.Machine].
type Machine struct{ *machine.Machine }

// Boot makes a machine and boots it: see [machine.Boot]. The caller must Stop it.
func Boot(ctx context.Context, o Options) (*Machine, error) {
	system, err := system()
	if err != nil {
		return nil, err
	}
	of := machine.Options{Platform: o.Platform, System: system, Data: o.Data, DiskMiB: o.DiskMiB}
	if o.Release != "" {
		p, err := loadProduct(ctx, o.Release)
		if err != nil {
			return nil, err
		}
		packages, err := machine.PackagesOn(o.Platform, system)
		if err != nil {
			return nil, err
		}
		if err := p.fits(o.Platform, packages); err != nil {
			return nil, err
		}
		of.Release = p
	}
	m, err := machine.Boot(ctx, of)
	if err != nil {
		return nil, err
	}
	return &Machine{m}, nil
}

// system is what the demo product needs of the distribution.
func system() (s machine.System, err error) {
	for name, into := range map[string]*string{"packages": &s.Packages, "provides": &s.Provides, "setup.sh": &s.Setup} {
		text, err := recipe.ReadFile("recipe/" + name)
		if err != nil {
			return s, fmt.Errorf("read the recipe: %w", err)
		}
		*into = string(text)
	}
	s.Tree, err = fs.Sub(recipe, "recipe/tree")
	return s, err
}

// fits says why the release cannot be on a platform with these Debian packages.
func (p *product) fits(platform string, packages []string) error {
	java := func(name string) bool { return strings.HasPrefix(name, "openjdk-") }
	needs := func(rpm string) bool { return strings.HasPrefix(filepath.Base(rpm), "elasticsearch-") }
	if slices.ContainsFunc(p.rpms, needs) && !slices.ContainsFunc(packages, java) {
		return fmt.Errorf("release %s cannot be on %s, which has no Java for its Elasticsearch: take an older platform", p.release, platform)
	}
	return nil
}
