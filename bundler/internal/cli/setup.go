package cli

import (
	"context"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/output"
)

// SetupOptions are what setup is asked.
type SetupOptions struct {
	From   string
	Key    string // file of the public key, "" for the one in the store
	Output string // file, "" for standard output
	JSON   bool
}

func setupCommand(s *streams) *cli.Command {
	var o SetupOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "output", Usage: "write `FILE`", DefaultText: "standard output", Destination: &o.Output},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:        "setup",
		Usage:       "write the settings with which a customer's yum or dnf uses the repository",
		Description: "The file belongs into /etc/yum.repos.d of the customer's machine.",
		Flags:       append(fromFlags(&o.From, &o.Key), flags...),
		Action:      onStore(func(c *cli.Context) error { return runSetup(c.Context, s, o) }),
	}
}

func runSetup(ctx context.Context, s *streams, o SetupOptions) error {
	r, err := readRepo(ctx, s, o.From, o.Key)
	if err != nil {
		return err
	}
	f, text, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	if o.Output != "" {
		out, err := output.Open(filepath.Dir(o.Output))
		if err != nil {
			return err
		}
		defer out.Discard()
		if err := out.Add(filepath.Base(o.Output), []byte(text)); err != nil {
			return err
		}
		if err := out.Commit(); err != nil {
			return err
		}
	}
	switch {
	case o.JSON:
		return s.printJSON(map[string]string{"name": f.Prefix + ".repo", "text": text, "key": f.Key})
	case o.Output != "":
		return s.print("wrote " + o.Output + "; the key's fingerprint is " + f.Key + "\n")
	}
	return s.print(text)
}
