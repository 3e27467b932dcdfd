package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/matrix"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
)

// demoPublicKey is the public half of demoKey.
const demoPublicKey = "test/keys/demo.pub.asc"

// MatrixOptions are what matrix is asked.
type MatrixOptions struct {
	Project  string
	To       string // "" for the newest release
	Dist     string // folder of the bundles that were built; "" is dist of the project
	Check    bool   // fail on a gap
	Accept   cli.StringSlice
	From     string // store; "" for none
	Key      string // file of the public key that signs certificates and the store
	Markdown bool
	SVG      string // file
	JSON     bool
}

func matrixCommand(s *streams) *cli.Command {
	var o MatrixOptions
	return &cli.Command{
		Name:  "matrix",
		Usage: "show which releases that customers run have a way to the newest, and the state of each jump",
		Description: "Reads versions/installed-base.yaml, the jumps, and the bundles that were built. A gap\n" +
			"is a release that customers run and that has no way to the newest release, whether\n" +
			"or not " + marker + " explains it under unreached. With --from, a jump that is not\n" +
			"published as stable, or not certified for every platform of its release, is one too.\n" +
			"--check fails on a gap; --accept NAME says in the pipeline that somebody decided to\n" +
			"leave the customers of a release, or of a jump.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "measure against `RELEASE`", DefaultText: "the latest that is not planned", Destination: &o.To},
			&cli.StringFlag{Name: "dist", Usage: "look for built bundles in `DIR`", DefaultText: "dist of the project", Destination: &o.Dist},
			&cli.StringFlag{Name: "from", Usage: "also look at what is published in `STORE`, s3://bucket/prefix or a folder", Destination: &o.From},
			&cli.StringFlag{Name: "key", Usage: "certificates and store must be signed with the armored public key in `FILE`", DefaultText: "the key in the store, or the demo key", Destination: &o.Key},
			&cli.BoolFlag{Name: "check", Usage: "fail when customers are left behind", DisableDefaultText: true, Destination: &o.Check},
			&cli.StringSliceFlag{Name: "accept", Usage: "leave the customers of the release or jump `NAME` behind; may be given several times", Destination: &o.Accept},
			&cli.BoolFlag{Name: "markdown", Usage: "write Markdown, for documents", DisableDefaultText: true, Destination: &o.Markdown},
			&cli.StringFlag{Name: "svg", Usage: "also draw the graph into `FILE`", Destination: &o.SVG},
			jsonFlag(&o.JSON),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if o.JSON && o.Markdown {
				return exit.Errorf(exit.Usage, "choose one", "--json and --markdown are two ways to write the same")
			}
			var err error
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			return runMatrix(c.Context, s, o)
		},
	}
}

func runMatrix(ctx context.Context, s *streams, o MatrixOptions) error {
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	in := matrix.Input{Catalog: cat, To: o.To}
	key, err := certificateKey(o)
	if err != nil {
		return err
	}
	if o.From != "" {
		r, err := openRepo(ctx, o.From, repo.Options{Public: key, Note: notes(s)})
		if err != nil {
			return err
		}
		front, err := r.Front(ctx)
		if err != nil {
			return err
		}
		if key, err = r.Key(ctx); err != nil {
			return err
		}
		in.Stores, err = matrix.FromStore(cat, front.Channels, func(b []repo.Bundle) (map[string]*repo.Details, error) { return r.Details(ctx, b) })
		if err != nil {
			return err
		}
	}
	if in.Built, err = matrix.FindBuilt(ctx, cat, inProject(o.Project, o.Dist, "dist"), key); err != nil {
		return err
	}
	m, err := matrix.New(in)
	if err != nil {
		return err
	}
	if err := m.Accept(o.Accept.Value()); err != nil {
		return err
	}
	if o.SVG != "" {
		if err := writeWhole(o.SVG, []byte(m.SVG())); err != nil {
			return err
		}
	}
	if err := printMatrix(s, m, o); err != nil || !o.Check {
		return err
	}
	return m.Check()
}

// certificateKey is the key that was named; without a store that has one, the demo's, when the project has it.
func certificateKey(o MatrixOptions) (*sign.Public, error) {
	file := o.Key
	if demo := filepath.Join(o.Project, demoPublicKey); file == "" && o.From == "" {
		if _, err := os.Stat(demo); err == nil {
			file = demo
		}
	}
	return publicKey(file)
}

func printMatrix(s *streams, m *matrix.Matrix, o MatrixOptions) error {
	switch {
	case o.JSON:
		return s.printJSON(m)
	case o.Markdown:
		return s.print(m.Markdown())
	}
	c := colours(s, s.out)
	var b strings.Builder
	b.WriteString(table("", m.Rows()))
	if len(m.Jumps) > 0 {
		b.WriteString("\n" + table("", m.JumpRows()))
	}
	b.WriteString("\n" + m.Summary() + "\n")
	for _, g := range m.Gaps {
		if g.Accepted {
			b.WriteString(g.String() + " (accepted)\n")
			continue
		}
		b.WriteString(c.red(g.String()) + "\n")
	}
	return s.print(b.String())
}

// writeWhole writes one file: all of it, or the one that was there stays.
func writeWhole(path string, content []byte) error {
	out, err := output.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer out.Discard()
	if err := out.Add(filepath.Base(path), content); err != nil {
		return err
	}
	return out.Commit()
}
