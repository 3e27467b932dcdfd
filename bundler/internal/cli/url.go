package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
)

// URLOptions are what url is asked.
type URLOptions struct {
	Release string // or NEVRA
	From    string // the store
	Key     string // file of the public key, "" for the one in the store
	Expires time.Duration
	JSON    bool
}

// maxExpires is the longest that S3 signs a link for.
const maxExpires = 7 * 24 * time.Hour

func urlCommand(s *streams) *cli.Command {
	var o URLOptions
	flags := []cli.Flag{
		&cli.DurationFlag{Name: "expires", Usage: "the link is good for `DURATION`, at most 168h", Value: 72 * time.Hour, Destination: &o.Expires},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "url",
		Usage:     "make a link to a bundle that works without an account, for a while",
		ArgsUsage: "RELEASE",
		Description: "The bundle is the newest that leads to the release; a whole NEVRA names another one.\n" +
			"Whoever has the link has the bundle: it is for one customer. A link ends with the credentials\n" +
			"that signed it; one that would have to outlive them is refused.",
		Flags: append(fromFlags(&o.From, &o.Key), flags...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			o.Release = args[0]
			if err := needs(c, "from"); err != nil {
				return err
			}
			return runURL(c.Context, s, o)
		},
	}
}

func runURL(ctx context.Context, s *streams, o URLOptions) error {
	if o.Expires < time.Minute || o.Expires > maxExpires {
		return exit.Errorf(exit.Usage, "--expires 72h", "a link is good for 1m to %s, not %s", maxExpires, o.Expires)
	}
	r, err := readRepo(ctx, s, o.From, o.Key)
	if err != nil {
		return err
	}
	link, b, err := r.Presign(ctx, o.Release, o.Expires)
	if err != nil {
		return err
	}
	if link.Until.IsZero() {
		notes(s)("the credentials are of a session (AWS_SESSION_TOKEN): the link ends with it, and when that is nobody tells")
	}
	if o.JSON {
		return s.printJSON(struct {
			NEVRA   string    `json:"nevra"`
			SHA256  string    `json:"sha256"`
			Size    int64     `json:"size"` // bytes
			URL     string    `json:"url"`
			Expires time.Time `json:"expires,omitzero"` // not there when nobody knows
		}{b.NEVRA, b.SHA256, b.Size, link.URL, link.Until})
	}
	until := "until " + link.Until.Format(time.RFC1123)
	if link.Until.IsZero() {
		until = "for " + o.Expires.String() + " at most"
	}
	notes(s)("%s, %s, %s\nsha256 %s", b.NEVRA, size(b.Size), until, b.SHA256)
	return s.print(link.URL + "\n")
}
