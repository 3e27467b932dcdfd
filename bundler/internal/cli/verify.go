package cli

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
)

// VerifyOptions are what verify is asked.
type VerifyOptions struct {
	From string
	Key  string // file of the public key, "" for the one in the store
	JSON bool
}

func verifyCommand(s *streams) *cli.Command {
	var o VerifyOptions
	return &cli.Command{
		Name:  "verify",
		Usage: "read back everything that is published, and check it",
		Description: "Signatures, digests, every file in every bundle, short names, settings, key and page; all\n" +
			"problems are reported at once. Without --key it shows only that the store is consistent:\n" +
			"compare the fingerprint with the one you know.",
		Flags:  append(fromFlags(&o.From, &o.Key), jsonFlag(&o.JSON)),
		Action: onStore(func(c *cli.Context) error { return runVerify(c.Context, s, o) }),
	}
}

func runVerify(ctx context.Context, s *streams, o VerifyOptions) error {
	r, err := readRepo(ctx, s, o.From, o.Key)
	if err != nil {
		return err
	}
	rep, err := r.Verify(ctx)
	if err != nil {
		return err
	}
	c := colours(s, s.out)
	switch {
	case o.JSON:
		err = s.printJSON(rep)
	case len(rep.Problems) > 0:
		err = s.print(c.red("problems") + "\n  " + strings.Join(rep.Problems, "\n  ") + "\n")
	default:
		err = s.print(c.green("whole:") + " " + plural(rep.Bundles, "bundle") + ", " + size(rep.Bytes) + ", all signed with " + rep.Key + "\n")
	}
	if err != nil {
		return err
	}
	if n := len(rep.Problems); n > 0 {
		return exit.Errorf(exit.Published, "publishing a bundle again repairs what is derived and what is missing; what was changed is for somebody to look into",
			"%s failed verification: %s", o.From, plural(n, "problem"))
	}
	return nil
}
