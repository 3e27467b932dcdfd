package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"onerpm/bundler/internal/companion"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

// BuildOptions are what build is asked.
type BuildOptions struct {
	Project string
	Jump    string
	Output  string // folder; "" is dist of the project
	Engine  string // file; "" is dist/engine of the project
	Source  SourceOptions
	Key     KeyOptions
	JSON    bool
}

func buildCommand(s *streams) *cli.Command {
	var o BuildOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "output", Usage: "write the bundle into `DIR`", DefaultText: "dist of the project", Destination: &o.Output},
		&cli.StringFlag{Name: "engine", Usage: "the program that upgrades the host is `FILE`", DefaultText: "dist/engine of the project", Destination: &o.Engine},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "build",
		Usage:     "make the bundle of a jump: one signed RPM",
		ArgsUsage: "JUMP",
		Description: "Fetches what the jump needs, verifies it, packs it, signs it. Beside the RPM come its\n" +
			"checksum, a bill of materials (CycloneDX) and a statement of provenance (in-toto).\n" +
			"SOURCE_DATE_EPOCH sets the build time, which is otherwise the date of the release.\n" +
			"Nothing is left in the folder when anything goes wrong.",
		Flags:  append(append(flags, sourceFlags(&o.Source)...), keyFlags(&o.Key)...),
		Action: inProjectWith(&o.Project, &o.Jump, func(c *cli.Context) error { return runBuild(c.Context, s, o) }),
	}
}

// runBuild is the line from a jump's name to its bundle.
func runBuild(ctx context.Context, s *streams, o BuildOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	p, err := plan.Resolve(cat, o.Jump, s.getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	if err := fits(p); err != nil {
		return err
	}
	engine := inProject(o.Project, o.Engine, "dist/engine")
	if err := pack.CheckEngine(engine, p.From, p.To); err != nil {
		return err
	}
	key, err := signingKey(ctx, s, o.Project, o.Key)
	if err != nil {
		return err
	}
	if err := key.Check(p.Date); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("sign the bundle: %w", err), "it is dated as its release: sign with a key that ends later, or extend this one")
	}
	files, err := fetchItems(ctx, s, cat, p.Items(), o.Source)
	if err != nil {
		return err
	}
	verdict, err := p.Check(headers(p, files))
	if err != nil {
		return err
	}
	bundle, err := pack.Assemble(ctx, pack.Input{
		Plan: p, Headers: headers(p, files), Verdict: verdict, Files: byDigest(files), Engine: engine,
	}, key)
	if err != nil {
		return err
	}
	result, err := deliver(ctx, s, bundle, key, inProject(o.Project, o.Output, "dist"))
	if err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(result.text(colours(s, s.out)))
}

// fits refuses, before anything is fetched, a bundle that would be too large.
func fits(p *plan.Plan) error {
	var packages []manifest.Package
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, pkg := range p.Packages(side, plan.Headers{}) {
			if pkg.File != "" {
				packages = append(packages, pkg)
			}
		}
	}
	name, _, _ := p.BundleName()
	return pack.CheckSize(name, packages...)
}

func byDigest(files []fetch.File) map[string]string {
	paths := map[string]string{}
	for _, f := range files {
		paths[f.Item.SHA256] = f.Path
	}
	return paths
}

// inProject returns the path a user gave, or else a place in the project.
func inProject(project, given, otherwise string) string {
	if given != "" {
		return given
	}
	return filepath.Join(project, otherwise)
}

// buildResult is what build tells programs.
type buildResult struct {
	File       string `json:"file"`
	NEVRA      string `json:"nevra"`
	Size       int64  `json:"size"` // bytes
	SHA256     string `json:"sha256"`
	From       string `json:"from"`
	To         string `json:"to"`
	Key        string `json:"key"` // fingerprint
	DemoKey    bool   `json:"demoKey"`
	Checksum   string `json:"checksum"` // file, as the next two
	SBOM       string `json:"sbom"`
	Provenance string `json:"provenance"`
	Signature  string `json:"provenanceSignature"`
	product    string
}

// deliver writes the bundle and what lies beside it; all of it appears, or nothing.
func deliver(ctx context.Context, s *streams, b pack.Bundle, key *sign.Key, dir string) (buildResult, error) {
	out, err := output.Open(dir)
	if err != nil {
		return buildResult{}, err
	}
	defer out.Discard()
	f, err := out.Create(b.FileName())
	if err != nil {
		return buildResult{}, err
	}
	p := newProgress(s, "pack", b.Size())
	err = b.Write(ctx, f, key, p.add)
	p.end(err)
	if err != nil {
		return buildResult{}, err
	}
	sum, err := finish(f)
	if err != nil {
		return buildResult{}, err
	}
	if err := companions(out, b, sum, key); err != nil {
		return buildResult{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return buildResult{}, err
	}
	if err := ctx.Err(); err != nil {
		return buildResult{}, err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	m := b.Manifest
	return buildResult{
		File: at(b.FileName()), NEVRA: b.ID().NEVRA(), Size: info.Size(), SHA256: sum, From: m.From, To: m.To, product: m.Product,
		Key: key.Fingerprint(), DemoKey: key.Demo(), Checksum: at(companion.ChecksumName(b)),
		SBOM: at(companion.SBOMName(b)), Provenance: at(companion.ProvenanceName(b)), Signature: at(companion.ProvenanceName(b) + ".asc"),
	}, out.Commit()
}

// finish brings the file to the disk and, meanwhile, takes its SHA-256. It has to
// be read once more: the headers, which come first in it, were written last.
func finish(f *os.File) (string, error) {
	sum := sha256.New()
	var both errgroup.Group
	both.Go(f.Sync)
	both.Go(func() error {
		_, err := io.Copy(sum, io.NewSectionReader(f, 0, 1<<62))
		return err
	})
	if err := both.Wait(); err != nil {
		return "", exit.With(exit.Output, fmt.Errorf("finish the bundle: %w", err), "")
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// companions adds checksum, bill of materials and provenance. The last names the
// other files by digest, so its signature holds for all.
func companions(out *output.Set, b pack.Bundle, sum string, key *sign.Key) error {
	sbom, err := companion.SBOM(b, sum)
	if err != nil {
		return err
	}
	provenance, err := companion.Provenance(b, sum, sbom, key.Fingerprint())
	if err != nil {
		return err
	}
	at, err := b.Time()
	if err != nil {
		return err
	}
	signature, err := key.Detached(provenance, at)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{companion.ChecksumName(b), companion.Checksum(b.FileName(), sum)},
		{companion.SBOMName(b), sbom},
		{companion.ProvenanceName(b), provenance},
		{companion.ProvenanceName(b) + ".asc", signature},
	} {
		if err := out.Add(f.name, f.content); err != nil {
			return err
		}
	}
	return nil
}

func (r buildResult) text(c palette) string {
	signed := "by " + r.Key
	if r.DemoKey {
		signed += c.red(", the demo key, which anybody has: not for customers (build with --key FILE)")
	}
	rows := [][]string{
		{"package", r.NEVRA},
		{"upgrades", r.product + " " + r.From + " to " + r.To},
		{"sha256", r.SHA256},
		{"signed", signed},
		{"beside it", filepath.Base(r.Checksum)},
		{"", filepath.Base(r.SBOM)},
		{"", filepath.Base(r.Provenance)},
		{"", filepath.Base(r.Signature)},
	}
	return c.bold(r.File) + ", " + size(r.Size) + "\n" + table("  ", rows) + "next: bundler inspect " + r.File + "\n"
}
