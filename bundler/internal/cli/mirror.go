package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/store"
)

// MirrorOptions are what mirror is asked.
type MirrorOptions struct {
	From, To string // stores
	Key      string // file of the public key, "" for the one in the store
	URL      string // under which customers read the copy
	JSON     bool
}

func mirrorCommand(s *streams) *cli.Command {
	var o MirrorOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "to", Usage: "copy to `STORE`, s3://bucket/prefix or a folder", Destination: &o.To},
		&cli.StringFlag{Name: "url", Usage: "customers read the copy under `URL`", DefaultText: "the copy's own", Destination: &o.URL},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:  "mirror",
		Usage: "copy what customers get of a store to another place, such as a network without a way out",
		Description: "Copies stable: bundles and what lies beside them, the signed metadata, page and key, with\n" +
			"settings for yum and dnf that have the copy's address. Everything is checked on the way, and\n" +
			"signed as it was. Run again, it sends what is new and removes what was withdrawn. When it was\n" +
			"killed or cut off, run it again: it continues.\n" +
			"Without --key it shows only that the store is consistent: name the key that you know.",
		Flags: append(fromFlags(&o.From, &o.Key), flags...),
		Action: onStore(func(c *cli.Context) error {
			if err := needs(c, "to"); err != nil {
				return err
			}
			return runMirror(c.Context, s, o)
		}),
	}
}

func runMirror(ctx context.Context, s *streams, o MirrorOptions) error {
	key, err := publicKey(o.Key)
	if err != nil {
		return err
	}
	var p *progress
	from, err := openRepo(ctx, o.From, repo.Options{Public: key, Page: renderPage, Note: notes(s), Progress: func(n int64) { p.add(n) }})
	if err != nil {
		return err
	}
	to, err := store.Open(ctx, o.To, store.Options{})
	if err != nil {
		return err
	}
	f, err := from.Front(ctx)
	if err != nil {
		return err
	}
	p = newProgress(s, "copy", total(f.Channels[repo.Stable]))
	m, err := from.MirrorTo(ctx, to, o.URL)
	p.end(err)
	if err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(m)
	}
	c := colours(s, s.out)
	return s.print(c.green("copied:") + " " + plural(m.Bundles, "bundle") + ", " + size(m.Bytes) + ", " + size(m.Copied) + " of it new, all signed with " + m.Key + "\n" +
		table("  ", [][]string{{"state of", m.State}, {"settings", m.Base + "/" + f.Prefix + ".repo"}, {"page", m.Base + "/index.html"}}) +
		"next: bundler verify --from " + o.To + "\n")
}

// total is the size of all bundles of a channel; nil has none.
func total(x *repo.Index) (bytes int64) {
	if x != nil {
		for _, b := range x.Bundles {
			bytes += b.Size
		}
	}
	return bytes
}
