package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/page"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
	"onerpm/bundler/internal/store"
)

// openRepo opens the repository in the store at an address.
func openRepo(ctx context.Context, address string, o repo.Options) (*repo.Repo, error) {
	s, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return nil, err
	}
	return repo.Open(s, o)
}

// demoKeyTests is the environment variable with which this project's own tests publish with the demo key into a
// server of theirs. It does nothing for a bucket that is not on this machine's loopback address.
const demoKeyTests = "BUNDLER_TEST_DEMO_KEY_ON_LOOPBACK"

// changeRepo opens a repository to change it. The demo's key does not get into a bucket: whoever reads the bucket's
// repository trusts its key from then on, and anybody can sign with this one.
func changeRepo(ctx context.Context, s *streams, address string, o repo.Options) (*repo.Repo, error) {
	refused := exit.Errorf(exit.Usage, "make a key of your own (docs/trust.md), build with it, and name it: --key FILE, or BUNDLER_KEY=FILE",
		"%s is not changed with the demo key, which anybody has", address)
	demo := o.Key.Demo() && strings.HasPrefix(address, "s3://")
	if demo && s.getenv(demoKeyTests) == "" {
		return nil, refused
	}
	st, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return nil, err
	}
	if demo && !onLoopback(st.URL("x")) {
		return nil, refused
	}
	return repo.Open(st, o)
}

// onLoopback reports whether only this machine can have a URL. A host's name says nothing about that.
func onLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// fromFlags are those of commands that only read a store.
func fromFlags(from, key *string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "what is published in `STORE`, s3://bucket/prefix or a folder", Destination: from},
		&cli.StringFlag{Name: "key", Usage: "it must be signed with the armored public key in `FILE`", DefaultText: "the key in the store", Destination: key},
	}
}

// readRepo opens a repository to read it.
func readRepo(ctx context.Context, s *streams, from, keyFile string) (*repo.Repo, error) {
	key, err := publicKey(keyFile)
	if err != nil {
		return nil, err
	}
	return openRepo(ctx, from, repo.Options{Public: key, Note: notes(s)})
}

// onStore is the action of a command that reads a store and takes no arguments.
func onStore(do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := none(c); err != nil {
			return err
		}
		if err := needs(c, "from"); err != nil {
			return err
		}
		return do(c)
	}
}

// changing are the options of commands that change a store: the key, and what the page is made from.
func changing(s *streams, project string, key *sign.Key, url string) (repo.Options, error) {
	cat, err := release.Load(project)
	if err != nil {
		return repo.Options{}, err
	}
	fresh := cat.Product.Fresh.D()
	return repo.Options{Key: key, URL: url, Releases: releases(cat), Page: renderPage, Note: notes(s), Fresh: &fresh}, nil
}

// notes writes what a person may want to know.
func notes(s *streams) func(string, ...any) {
	return func(format string, args ...any) {
		_, _ = fmt.Fprintf(s.err, format+"\n", args...) // nothing can be done about an error here
	}
}

// releases are those of versions/, with where their jumps lead.
func releases(cat *release.Catalog) []repo.Release {
	out := []repo.Release{}
	for _, u := range cat.Product.Unreached {
		if cat.Release(u.Version) == nil {
			out = append(out, repo.Release{Version: u.Version, Why: u.Why})
		}
	}
	for _, r := range cat.Releases {
		is := repo.Release{Version: r.Version, Next: cat.Jumps[r.Version]}
		if is.Next == "" {
			is.Why = cat.Unreached(r.Version)
		}
		out = append(out, is)
	}
	return out
}

func renderPage(w io.Writer, f *repo.Front, details repo.DetailsFunc) error {
	in := page.Input{
		Product: f.Product, Prefix: f.Prefix, Base: f.Base, Key: f.Key, Generated: f.Generated,
		Stable: f.Channels[repo.Stable], Testing: f.Channels[repo.Testing],
	}
	for _, r := range f.Releases {
		in.Releases = append(in.Releases, page.Release(r))
	}
	var err error
	if in.Details, err = details(page.Shown(in)); err != nil {
		return err
	}
	return page.Render(w, in)
}
