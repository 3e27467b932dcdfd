package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
)

// VerifyOptions are what verify is asked.
type VerifyOptions struct {
	From string
	Key  string // file of the public key, "" for the one in the store; with Refresh of the private one
	JSON bool

	Refresh        bool
	Project        string // where Refresh finds what the page is made from
	PassphraseFile string
}

func verifyCommand(s *streams) *cli.Command {
	var o VerifyOptions
	return &cli.Command{
		Name:  "verify",
		Usage: "read back everything that is published, and check it",
		Description: "Signatures, digests, every file in every bundle, short names, settings, key and page; all\n" +
			"problems are reported at once. Without --key it shows only that the store is consistent:\n" +
			"compare the fingerprint with the one you know.\n\n" +
			"With --refresh, customers believe the store for as long again as fresh in\n" +
			"versions/product.yaml says, unless there is a problem. --key is then the private key.",
		Flags: append(fromFlags(&o.From, &o.Key), jsonFlag(&o.JSON),
			&cli.BoolFlag{Name: "refresh", Usage: "sign anew what customers would refuse once its time is over", Destination: &o.Refresh},
			&cli.StringFlag{Name: "passphrase-file", Usage: "with --refresh, the key's passphrase is the first line of `FILE`", DefaultText: "ask", Destination: &o.PassphraseFile}),
		Action: onStore(func(c *cli.Context) (err error) {
			if !o.Refresh && o.PassphraseFile != "" {
				return exit.Errorf(exit.Usage, "leave it out, or name --refresh", "--passphrase-file goes with --refresh")
			}
			if o.Refresh {
				if o.Project, err = projectOf(c); err != nil {
					return err
				}
			}
			return runVerify(c.Context, s, o)
		}),
	}
}

func runVerify(ctx context.Context, s *streams, o VerifyOptions) error {
	r, err := toVerify(ctx, s, o)
	if err != nil {
		return err
	}
	rep, err := r.Verify(ctx)
	if err != nil {
		return err
	}
	var refreshed []string
	if o.Refresh && len(rep.Problems) == 0 {
		if refreshed, rep.Until, err = r.Refresh(ctx); err != nil {
			return err
		}
		rep.Stale = []string{} // of what was read before
	}
	if err := showVerified(s, o, rep, refreshed); err != nil {
		return err
	}
	if n := len(rep.Problems); n > 0 {
		return exit.Errorf(exit.Published, "publishing a bundle again repairs what is derived and what is missing; what was changed is for somebody to look into",
			"%s failed verification: %s", o.From, plural(n, "problem"))
	}
	if len(rep.Stale) > 0 {
		return exit.Errorf(exit.Published, "bundler verify --refresh; a copy is made anew by bundler mirror", "customers refuse %s: its time is over", strings.Join(rep.Stale, " and "))
	}
	return nil
}

// toVerify opens the store to be read or, to refresh it, to be changed.
func toVerify(ctx context.Context, s *streams, o VerifyOptions) (*repo.Repo, error) {
	if !o.Refresh {
		return readRepo(ctx, s, o.From, o.Key)
	}
	key, err := signingKey(ctx, s, o.Project, KeyOptions{Key: o.Key, PassphraseFile: o.PassphraseFile})
	if err != nil {
		return nil, err
	}
	ro, err := changing(s, o.Project, key, "")
	if err != nil {
		return nil, err
	}
	return changeRepo(ctx, s, o.From, ro)
}

func showVerified(s *streams, o VerifyOptions, rep *repo.Report, refreshed []string) error {
	if o.JSON {
		return s.printJSON(struct {
			*repo.Report
			Refreshed []string `json:"refreshed"` // channels
		}{rep, append([]string{}, refreshed...)})
	}
	c := colours(s, s.out)
	if len(rep.Problems) > 0 {
		return s.print(c.red("problems") + "\n  " + strings.Join(rep.Problems, "\n  ") + "\n")
	}
	err := s.print(c.green("whole:") + " " + plural(rep.Bundles, "bundle") + ", " + size(rep.Bytes) + ", all signed with " + rep.Key + "\n")
	if len(refreshed) > 0 {
		err = errors.Join(err, s.print("refreshed: "+strings.Join(refreshed, " and ")+"\n"))
	}
	switch {
	case rep.Until != "":
		err = errors.Join(err, s.print("customers believe it until "+rep.Until+"\n"))
	case o.Refresh:
		err = errors.Join(err, s.print("customers believe it for ever: there is no fresh in versions/product.yaml\n"))
	}
	return err
}
