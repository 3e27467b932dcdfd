package cli

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
)

// WithdrawOptions are what withdraw is asked.
type WithdrawOptions struct {
	Project string
	NEVRA   string
	From    string // the store
	Reason  string
	Key     KeyOptions
	JSON    bool
}

func withdrawCommand(s *streams) *cli.Command {
	var o WithdrawOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "take it out of `STORE`, s3://bucket/prefix or a folder", Destination: &o.From},
		&cli.StringFlag{Name: "reason", Usage: "why, in one line: `TEXT`", Destination: &o.Reason},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "withdraw",
		Usage:     "take a bundle back from customers",
		ArgsUsage: "NEVRA",
		Description: "The bundle leaves the repository, the page and its short name, in all channels. Its file stays\n" +
			"under its digest, its name stays taken. bundler publish --reinstate brings the same file back.",
		Flags: append(flags, keyFlags(&o.Key)...),
		Action: inProjectWith(&o.Project, &o.NEVRA, func(c *cli.Context) error {
			if err := needs(c, "from", "reason"); err != nil {
				return err
			}
			return runWithdraw(c.Context, s, o)
		}),
	}
}

func runWithdraw(ctx context.Context, s *streams, o WithdrawOptions) error {
	if strings.TrimSpace(o.Reason) == "" || strings.ContainsAny(o.Reason, "\r\n\t") {
		return exit.Errorf(exit.Usage, `--reason "it needs a disk that nobody has"`, "the reason is one line that people will read")
	}
	key, err := signingKey(ctx, s, o.Project, o.Key)
	if err != nil {
		return err
	}
	ro, err := changing(s, o.Project, key, "")
	if err != nil {
		return err
	}
	r, err := changeRepo(ctx, s, o.From, ro)
	if err != nil {
		return err
	}
	channels, err := r.Withdraw(ctx, o.NEVRA, o.Reason)
	if err != nil {
		return err
	}
	if o.JSON {
		return s.printJSON(map[string]any{"nevra": o.NEVRA, "channels": append([]string{}, channels...)})
	}
	if len(channels) == 0 {
		return s.print(o.NEVRA + " was withdrawn already\n")
	}
	return s.print(o.NEVRA + " is withdrawn from " + strings.Join(channels, " and ") + "\n")
}
