package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/mistake"
	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/scaffold"
)

// NewOptions are what new is asked.
type NewOptions struct {
	Project string
	Jump    string
	Old     string // folder of the old release's RPMs; "" when versions/ has the release
	New     string // likewise of the new one's
	Stores  string // file with the new release's tables, when data moves into them; "" for none
	Source  SourceOptions
	JSON    bool
}

func newCommand(s *streams) *cli.Command {
	var o NewOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "old", Usage: "the old release's RPMs lie in `DIR`", DefaultText: "where its file in versions/ says", Destination: &o.Old},
		&cli.StringFlag{Name: "new", Usage: "the new release's RPMs lie in `DIR`", DefaultText: "where its file in versions/ says", Destination: &o.New},
		&cli.StringFlag{Name: "stores", Usage: "data moves from Elasticsearch into the new release's tables, which the SQL in `FILE` makes, as pg_dump --schema-only writes it", Destination: &o.Stores},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "new",
		Usage:     "write the first version of a jump and of its releases, from their RPMs",
		ArgsUsage: "FROM-TO",
		Description: "Writes versions/<to>.yaml and specs/<from>-<to>/ (and versions/<from>.yaml, when it is\n" +
			"not there): packages with their digests, what changes, the units found in them, the\n" +
			"scriptlets with their bodies, a migration to fill in (where the jump before has a\n" +
			"database), what the jump before decided (of scriptlets, where the text is the same), and\n" +
			"the checks with which it is certified: those of the jump before, or a sketch.\n" +
			"With --stores, also the first migration and the mapping of documents to rows.\n" +
			"What only a person can decide begins with DECIDE; check names each place until none is\n" +
			"left. Nothing is overwritten, and all files appear or none.",
		Flags:  append(flags, sourceFlags(&o.Source)...),
		Action: inProjectWith(&o.Project, &o.Jump, func(c *cli.Context) error { return runNew(c.Context, s, o) }),
	}
}

// newResult is what new tells programs.
type newResult struct {
	Jump    string   `json:"jump"`
	Files   []string `json:"files"`    // relative to the project, in the order in which they are read
	Decide  []string `json:"decide"`   // what check names: file:line:column: what
	Sketch  []string `json:"sketches"` // of Files, scripts that fail until somebody writes them
	LeftOut []string `json:"leftOut"`  // files of the folders that are in no release: name: why
	Added   int      `json:"added"`    // packages
	Changed int      `json:"changed"`  // likewise
	Removed int      `json:"removed"`  // likewise
}

func runNew(ctx context.Context, s *streams, o NewOptions) error {
	if err := scaffold.Recover(o.Project); err != nil {
		return err
	}
	from, to, err := release.SplitJump(o.Jump)
	if err != nil {
		return err
	}
	cat, err := release.LoadBefore(o.Project, from, to)
	if err != nil {
		return err
	}
	in := scaffold.Input{Catalog: cat}
	if in.Schema, err = schemaFrom(o.Stores); err != nil {
		return err
	}
	if in.From, err = side(ctx, s, cat, from, o.Old, "--old", o.Source); err != nil {
		return err
	}
	if in.To, err = side(ctx, s, cat, to, o.New, "--new", o.Source); err != nil {
		return err
	}
	if in.Before, err = packagesBefore(ctx, s, cat, from, o.Source); err != nil {
		return err
	}
	files, err := scaffold.Make(in)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := scaffold.Place(o.Project, files, nil); err != nil {
		return err
	}
	result := newResult{Jump: in.Jump(), Decide: undecided(o.Project), Sketch: []string{}, LeftOut: append(append([]string{}, in.From.LeftOut...), in.To.LeftOut...)}
	result.Added, result.Changed, result.Removed = scaffold.Count(in)
	for _, f := range files {
		result.Files = append(result.Files, f.Path)
		if f.Sketch {
			result.Sketch = append(result.Sketch, f.Path)
		}
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(result.text(colours(s, s.out)))
}

// schemaFrom reads the new release's tables; nil for no file.
func schemaFrom(file string) (*scaffold.Schema, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the new release's tables: %w", err), "write them with pg_dump --schema-only of a database of the new release")
	}
	schema := &scaffold.Schema{File: file, SQL: string(text)}
	if n := schema.Tables(); n == 0 {
		return nil, exit.Errorf(exit.Usage, "write it with pg_dump --schema-only of a database of the new release", "%s makes no table", file)
	}
	return schema, nil
}

// side reads the packages of a release: from a folder, or from where its file says.
func side(ctx context.Context, s *streams, cat *release.Catalog, version, dir, flag string, o SourceOptions) (scaffold.Side, error) {
	out := scaffold.Side{Version: version, Release: cat.Release(version)}
	if dir == "" {
		if out.Release == nil {
			return out, exit.Errorf(exit.Usage, "name the folder of its RPMs: "+flag+" DIR", "there is no versions/%s.yaml", version)
		}
		return lockedSide(ctx, s, cat, out, o)
	}
	files, total, err := scaffold.List(dir)
	if err != nil {
		return out, err
	}
	p := newProgress(s, "read "+version, total)
	out.Packages, out.LeftOut, err = scaffold.Read(ctx, out.Release, files, p.add)
	p.end(err)
	if err != nil {
		return out, err
	}
	out.Source, err = sourceOf(cat.Root, dir)
	return out, err
}

// lockedSide fetches the packages of a release that versions/ has.
func lockedSide(ctx context.Context, s *streams, cat *release.Catalog, out scaffold.Side, o SourceOptions) (scaffold.Side, error) {
	var items []plan.Item
	for _, c := range out.Release.Components {
		items = append(items, plan.ItemOf(cat, out.Release, c))
	}
	files, err := fetchItems(ctx, s, cat, items, o, nil)
	if err != nil {
		return out, err
	}
	for _, f := range files {
		out.Packages = append(out.Packages, scaffold.Package{Header: f.Header, SHA256: f.Item.SHA256, Size: f.Item.Size})
	}
	slices.SortFunc(out.Packages, func(a, b scaffold.Package) int { return strings.Compare(a.Header.Name, b.Header.Name) })
	return out, nil
}

// packagesBefore are the packages of the release from which the jump before starts: of scriptlets that are the same in them
// the decisions hold. nil where that jump decided about none of them, or they cannot be had.
func packagesBefore(ctx context.Context, s *streams, cat *release.Catalog, from string, o SourceOptions) ([]scaffold.Package, error) {
	for before, to := range cat.Jumps {
		rules := cat.Specs[before+"-"+to].Packages
		if to != from || !slices.ContainsFunc(cat.Release(before).Components, func(c release.Component) bool {
			return len(rules.Skip[c.ID().NVR()])+len(rules.Keep[c.ID().NVR()]) > 0
		}) {
			continue
		}
		side, err := lockedSide(ctx, s, cat, scaffold.Side{Version: before, Release: cat.Release(before)}, o)
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			notes(s)("the packages of %s cannot be read, so what was decided about them is asked again: %v", before, err)
			return nil, nil
		}
		return side.Packages, nil
	}
	return nil, nil
}

// sourceOf names a folder the way a release does: relative to the project when it lies in it.
func sourceOf(root, dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	top, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(top, full); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), nil
	}
	return full, nil
}

// undecided returns what check will say of the project.
func undecided(project string) []string {
	_, err := release.Load(project)
	if err == nil {
		return []string{}
	}
	var mistakes mistake.List
	if !errors.As(err, &mistakes) {
		return []string{err.Error()}
	}
	out := make([]string, len(mistakes))
	for i, m := range mistakes {
		out[i] = m.String()
	}
	return out
}

func (r newResult) text(c palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s added, %d changed, %d removed\n", c.bold(r.Jump), plural(r.Added, "package"), r.Changed, r.Removed)
	if r.Added+r.Changed+r.Removed == 0 {
		b.WriteString("  both releases have the same packages: was --new the right folder?\n")
	}
	config := 0
	for _, f := range r.Files {
		switch {
		case strings.HasPrefix(f, "versions/") && strings.Contains(f, "/config/"):
			config++
		case slices.Contains(r.Sketch, f):
			b.WriteString("  " + f + ", a sketch: nothing is certified until it is written\n")
		case strings.HasPrefix(f, "specs/") && strings.Contains(f, "/certify/"):
			b.WriteString("  " + f + ", carried over\n")
		default:
			b.WriteString("  " + f + "\n")
		}
	}
	if config > 0 {
		fmt.Fprintf(&b, "  %s, carried over\n", plural(config, "configuration file"))
	}
	for _, file := range r.LeftOut {
		b.WriteString("  left out: " + file + "\n")
	}
	b.WriteString(decideText(r.Decide))
	b.WriteString("next: read " + "specs/" + r.Jump + "/upgrade.yaml, then bundler check " + r.Jump + "\n")
	return b.String()
}

// decideText lists what is left to a person; "" for nothing.
func decideText(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return plural(len(list), "thing") + " to decide:\n  " + strings.Join(list, "\n  ") + "\n"
}
