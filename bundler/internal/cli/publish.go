package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
	"onerpm/bundler/internal/sign"
)

// PublishOptions are what publish is asked.
type PublishOptions struct {
	Project string
	Files   []string
	To      string // the store
	Channel string // "" for what package repo decides
	URL     string // under which customers read the store
	// Override is why a bundle goes to stable that is not certified, "" for no such bundle.
	Override  string
	Reinstate bool
	Key       KeyOptions
	JSON      bool
}

func publishCommand(s *streams) *cli.Command {
	var o PublishOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "to", Usage: "publish in `STORE`, s3://bucket/prefix or a folder", Destination: &o.To},
		&cli.StringFlag{Name: "channel", Usage: "into `CHANNEL`, stable or testing", DefaultText: "stable for a certified one, otherwise testing", Destination: &o.Channel},
		&cli.StringFlag{Name: "override", Usage: "let it into stable without certificates, because of `REASON`, which is published too", Destination: &o.Override},
		&cli.BoolFlag{Name: "reinstate", Usage: "publish a bundle again that was withdrawn", DisableDefaultText: true, Destination: &o.Reinstate},
		&cli.StringFlag{Name: "url", Usage: "customers read the store under `URL`", DefaultText: "as before, or the store's own", Destination: &o.URL},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "publish",
		Usage:     "put bundles where customers get them",
		ArgsUsage: "FILE...",
		Description: "Uploads each bundle with what build wrote beside it, checks it meanwhile, and makes it part of the\n" +
			"store's yum repository and download page. What is published never changes: the same\n" +
			"file again is fine, another file of the same name is refused, and one that was withdrawn too.\n" +
			"Stable takes a bundle that has a certificate (bundler certify) for every platform of its\n" +
			"release; the others go to testing, and the page says so.\n" +
			"Credentials, region, profile and endpoint of S3 are found as the AWS CLI finds them (AWS_PROFILE, ...).\n" +
			"When it was killed or cut off, run it again: it continues.",
		Flags: append(flags, keyFlags(&o.Key)...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 100)
			if err != nil {
				return err
			}
			o.Files = args
			if err := needs(c, "to"); err != nil {
				return err
			}
			if o.Project, err = projectOf(c); err != nil {
				return err
			}
			return runPublish(c.Context, s, o)
		},
	}
}

func runPublish(ctx context.Context, s *streams, o PublishOptions) error {
	key, err := signingKey(ctx, s, o.Project, o.Key)
	if err != nil {
		return err
	}
	ro, err := changing(s, o.Project, key, o.URL)
	if err != nil {
		return err
	}
	var p *progress
	ro.Progress = func(n int64) { p.add(n) }
	r, err := changeRepo(ctx, s, o.To, ro)
	if err != nil {
		return err
	}
	bundles, err := loadBundles(ctx, r, o.Files)
	if err != nil {
		return err
	}
	channels, err := gated(ctx, s, r, o, bundles)
	if err != nil {
		return err
	}
	var total int64
	for _, l := range bundles {
		l.Reinstate = o.Reinstate
		total += l.Bundle.Size
	}
	p = newProgress(s, "publish", total)
	results, err := publishAll(ctx, r, bundles, channels)
	p.end(err)
	switch {
	case err != nil && len(results) == 0:
	case o.JSON:
		err = errors.Join(err, s.printJSON(results))
	default:
		err = errors.Join(err, s.print(publishedText(results, key, o.To, colours(s, s.out))))
	}
	return err
}

// publishAll uploads and checks all bundles before the first is published: with one that is damaged or refused, none is. With
// an error that comes later, the results are those that were published before.
func publishAll(ctx context.Context, r *repo.Repo, bundles []*repo.Local, channels []string) ([]repo.Result, error) {
	for i, l := range bundles {
		err := r.Upload(ctx, l, channels[i])
		if code := exit.Code(err); code == exit.BadBundle || code == exit.Refused {
			for _, before := range bundles[:i] {
				err = errors.Join(err, r.Forget(ctx, before))
			}
		}
		if err != nil {
			return nil, err
		}
	}
	results := []repo.Result{}
	for i, l := range bundles {
		res, err := r.Publish(ctx, l, channels[i])
		if err != nil {
			return results, err
		}
		results = append(results, res)
	}
	return results, nil
}

// loadBundles reads the heads of all bundles.
func loadBundles(ctx context.Context, r *repo.Repo, files []string) ([]*repo.Local, error) {
	key, err := r.Key(ctx)
	if err != nil {
		return nil, err
	}
	var bundles []*repo.Local
	for _, f := range files {
		l, err := repo.Load(f, key)
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, l)
	}
	return bundles, nil
}

func publishedText(results []repo.Result, key *sign.Key, to string, c palette) string {
	text := ""
	for _, r := range results {
		how := "published in "
		if r.Already {
			how = "was there already, in "
		}
		rows := [][]string{{"file", r.URL}}
		if r.Short != "" {
			rows = append(rows, []string{"newest", r.Short})
		}
		rows = append(rows, []string{"page", r.Base + "/index.html"}, []string{"sha256", r.Bundle.SHA256})
		text += c.bold(r.Bundle.NEVRA) + " " + how + r.Channel + ", " + size(r.Bundle.Size) + "\n" + table("  ", rows)
	}
	if key.Demo() {
		text += c.red("signed with the demo key, which anybody has: not for customers") + "\n"
	}
	return text + "next: bundler verify --from " + to + "\n"
}
