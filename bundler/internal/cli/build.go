package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/deliver"
	"onerpm/bundler/internal/engine"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/fetch"
	"onerpm/bundler/internal/pack"
	"onerpm/bundler/internal/payloads"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmpkg"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

// BuildOptions are what build is asked.
type BuildOptions struct {
	Project string
	Jump    string
	Output  string // folder; "" is dist of the project
	Engine  string // file; "" is the one in this program
	Plain   bool   // packages go in as they are
	Source  SourceOptions
	Key     KeyOptions
	JSON    bool
}

func buildCommand(s *streams) *cli.Command {
	var o BuildOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "output", Usage: "write the bundle into `DIR`", DefaultText: "dist of the project", Destination: &o.Output},
		&cli.StringFlag{Name: "engine", Usage: "the program that upgrades the host is `FILE`", DefaultText: "the one in this bundler", Destination: &o.Engine},
		&cli.BoolFlag{Name: "plain", Usage: "carry the packages as they are: a larger bundle, made faster", DisableDefaultText: true, Destination: &o.Plain},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "build",
		Usage:     "make the bundle of a jump: one signed RPM",
		ArgsUsage: "JUMP",
		Description: "Fetches what the jump needs, verifies it, compresses old and new packages together, packs it,\n" +
			"signs it. What was compressed is kept beside the components for the next build. Beside the RPM come its\n" +
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
	program, err := engineOf(o.Engine)
	if err != nil {
		return err
	}
	if err := program.Check(p.From, p.To); err != nil {
		return err
	}
	key, err := signingKey(ctx, s, o.Project, o.Key)
	if err != nil {
		return err
	}
	if err := key.Check(p.Date); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("sign the bundle: %w", err), "it is dated as its release: sign with a key that ends later, or extend this one")
	}
	b := building{s: s, cat: cat, plan: p, source: o.Source, engine: program, key: key, output: inProject(o.Project, o.Output, "dist"), plain: o.Plain}
	result, err := b.fetchAndWrite(ctx, later(p))
	var wrong *pack.MismatchError
	if errors.As(err, &wrong) && b.isComponent(wrong.From) {
		// Reading everything first tells all that is wrong, and fetches anew what was damaged in the cache.
		result, err = b.fetchAndWrite(ctx, nil)
	}
	if err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(builtText(result, colours(s, s.out)))
}

// engineOf returns the engine of a file, or the one in this program when none is named.
func engineOf(file string) (pack.Engine, error) {
	if file != "" {
		return pack.Engine{Path: file}, nil
	}
	body, err := engine.Program()
	return pack.Engine{Body: body}, err
}

// building is a bundle being made, once it is known what of and how.
type building struct {
	s      *streams
	cat    *release.Catalog
	plan   *plan.Plan
	source SourceOptions
	engine pack.Engine
	key    *sign.Key
	output string // folder
	plain  bool   // packages go in as they are
	files  []fetch.File
}

// fetchAndWrite fetches what the bundle needs, checks that it fits together, and writes the bundle. Of the components in later that
// are there only the headers are read before: each of them is read once, compared with its digest as it is packed.
func (b *building) fetchAndWrite(ctx context.Context, later map[string]bool) (deliver.Result, error) {
	var err error
	if b.files, err = fetchItems(ctx, b.s, b.cat, b.plan.Items(), b.source, later); err != nil {
		return deliver.Result{}, err
	}
	verdict, err := b.plan.Check(headers(b.plan, b.files))
	if err != nil {
		return deliver.Result{}, err
	}
	compressed, err := b.compress(ctx)
	if err != nil {
		return deliver.Result{}, err
	}
	bundle, err := pack.Assemble(ctx, pack.Input{
		Plan: b.plan, Headers: headers(b.plan, b.files), Verdict: verdict, Files: components(b.files), Solid: compressed, Engine: b.engine,
	}, b.key)
	if err != nil {
		return deliver.Result{}, err
	}
	p := newProgress(b.s, "pack", bundle.Size())
	result, err := deliver.Write(ctx, bundle, b.key, b.output, p.add)
	p.end(err)
	return result, err
}

// compress has the packages that the jump changes compressed together, unless they are to go in as they are.
func (b *building) compress(ctx context.Context) ([]pack.Solid, error) {
	if b.plain {
		return nil, nil
	}
	all, h := components(b.files), headers(b.plan, b.files)
	var total int64
	sets := map[manifest.Side][]payloads.Package{}
	for side, of := range map[manifest.Side]map[string]*rpmpkg.Package{manifest.Old: h.Old, manifest.New: h.New} {
		for _, p := range b.plan.Packages(side, h) {
			if p.File != "" {
				sets[side] = append(sets[side], payloads.Package{Package: p, Component: all[p.SHA256], Header: of[p.Name]})
				total += p.Size
			}
		}
	}
	p := newProgress(b.s, "compress", total)
	list, err := payloads.Make(ctx, sets[manifest.Old], sets[manifest.New], payloads.Options{
		Cache: filepath.Join(cacheOf(b.cat, b.source), "payloads"), Progress: p.add,
	})
	p.end(err)
	return list, err
}

func (b *building) isComponent(path string) bool {
	return slices.ContainsFunc(b.files, func(f fetch.File) bool { return f.Path == path })
}

// packed are the components that go into the bundle, with nothing else known of them than the releases say.
func packed(p *plan.Plan) []manifest.Package {
	var packages []manifest.Package
	for _, side := range []manifest.Side{manifest.Old, manifest.New} {
		for _, pkg := range p.Packages(side, plan.Headers{}) {
			if pkg.File != "" {
				packages = append(packages, pkg)
			}
		}
	}
	return packages
}

// fits refuses, before anything is fetched, a bundle that would be too large for a store or for a platform's rpm.
func fits(p *plan.Plan) error {
	name, _, _ := p.BundleName()
	return pack.CheckSize(name, p.Platforms(), packed(p)...)
}

// later are the SHA-256 of the components that are compared as they are packed.
func later(p *plan.Plan) map[string]bool {
	sums := map[string]bool{}
	for _, pkg := range packed(p) {
		sums[pkg.SHA256] = true
	}
	return sums
}

// components gives the components' files by their SHA-256.
func components(files []fetch.File) map[string]pack.Component {
	all := map[string]pack.Component{}
	for _, f := range files {
		c := pack.Component{Path: f.Path}
		if f.HeadSHA256 != "" {
			c.Head = pack.Head{Size: f.Header.PayloadOffset, SHA256: f.HeadSHA256}
		}
		all[f.Item.SHA256] = c
	}
	return all
}

// inProject returns the path a user gave, or else a place in the project.
func inProject(project, given, otherwise string) string {
	if given != "" {
		return given
	}
	return filepath.Join(project, otherwise)
}

func builtText(r deliver.Result, c palette) string {
	signed := "by " + r.Key
	if r.DemoKey {
		signed += c.red(", the demo key, which anybody has: not for customers (build with --key FILE)")
	}
	rows := [][]string{
		{"package", r.NEVRA},
		{"upgrades", r.Product + " " + r.From + " to " + r.To},
		{"sha256", r.SHA256},
		{"signed", signed},
		{"beside it", filepath.Base(r.Checksum)},
		{"", filepath.Base(r.SBOM)},
		{"", filepath.Base(r.Provenance)},
		{"", filepath.Base(r.Signature)},
	}
	return c.bold(r.File) + ", " + size(r.Size) + "\n" + table("  ", rows) + "next: bundler inspect " + r.File + "\n"
}
