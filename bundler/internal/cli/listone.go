package cli

import (
	"context"
	"fmt"
	"path"
	"strings"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/repo"
)

// listedBundle is a bundle in a channel, with all there is to know of it.
type listedBundle struct {
	Channel string `json:"channel"`
	repo.Bundle
	About *repo.Details `json:"about"`
}

// listOne shows one bundle, in each channel that has it.
func listOne(ctx context.Context, s *streams, r *repo.Repo, f *repo.Front, o ListOptions) error {
	found := []listedBundle{}
	for _, c := range repo.Channels {
		x := f.Channels[c]
		if x == nil {
			continue
		}
		b := x.Bundle(o.NEVRA)
		if b == nil {
			continue
		}
		details, err := r.Details(ctx, []repo.Bundle{*b})
		if err != nil {
			return err
		}
		found = append(found, listedBundle{c, *b, details[b.SHA256]})
	}
	if len(found) == 0 {
		return exit.Errorf(exit.Usage, "run bundler list --from "+o.From+" to see what there is", "%s is not in %s", o.NEVRA, o.From)
	}
	if o.JSON {
		return s.printJSON(found)
	}
	var texts []string
	for _, b := range found {
		texts = append(texts, b.text(f.Base, colours(s, s.out)))
	}
	return s.print(strings.Join(texts, "\n"))
}

func (b listedBundle) text(base string, c palette) string {
	d := b.About
	rows := [][]string{
		{"upgrades", b.From + " to " + b.To},
		{"file", base + "/" + b.File},
		{"size", size(b.Size)},
		{"sha256", b.SHA256},
		{"signed", "by " + d.Key},
		{"built", day(d.Built)},
		{"published", day(b.Published)},
	}
	for _, cert := range d.Certificates {
		rows = append(rows, []string{"certified", fmt.Sprintf("for %s on %s, %.1f s out of service", cert.Platform, day(cert.At), cert.Window)})
	}
	if len(d.Certificates) == 0 {
		rows = append(rows, []string{"certified", "no"})
	}
	if b.Override != nil {
		rows = append(rows, []string{"let in", fmt.Sprintf("by %s on %s: %s", b.Override.By, day(b.Override.At), b.Override.Reason)})
	}
	for i, f := range d.Companions {
		name := ""
		if i == 0 {
			name = "beside it"
		}
		rows = append(rows, []string{name, path.Base(f.File)})
	}
	for _, p := range d.Changes.Packages {
		if p.How != repo.Kept {
			rows = append(rows, []string{p.How, strings.Join(strings.Fields(p.Name+" "+p.From+" "+arrow(p)+" "+p.To), " ")})
		}
	}
	for _, m := range d.Changes.Migrations {
		rows = append(rows, []string{"migration", m})
	}
	return c.bold(b.NEVRA) + " in " + b.Channel + "\n" + table("  ", rows)
}

// arrow stands between two versions.
func arrow(p repo.PackageChange) string {
	if p.From != "" && p.To != "" {
		return ">"
	}
	return ""
}
