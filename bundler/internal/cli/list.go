package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/repo"
)

// ListOptions are what list is asked.
type ListOptions struct {
	NEVRA string // of a bundle, "" for all of them
	From  string
	Key   string // file of the public key, "" for the one in the store
	JSON  bool
}

func listCommand(s *streams) *cli.Command {
	var o ListOptions
	return &cli.Command{
		Name:        "list",
		Usage:       "list what is published, or show one bundle",
		ArgsUsage:   "[NEVRA]",
		Description: "With a NEVRA: what the bundle changes, where it was certified, and what lies beside it.",
		Flags:       append(fromFlags(&o.From, &o.Key), jsonFlag(&o.JSON)),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if err := needs(c, "from"); err != nil {
				return err
			}
			if len(args) == 1 {
				o.NEVRA = args[0]
			}
			return runList(c.Context, s, o)
		},
	}
}

// listResult is what list tells programs.
type listResult struct {
	Product  string        `json:"product"`
	Base     string        `json:"base"`
	Key      string        `json:"key"`
	Channels []listChannel `json:"channels"`
}

type listChannel struct {
	Channel   string           `json:"channel"`
	Bundles   []repo.Bundle    `json:"bundles"`
	Withdrawn []repo.Withdrawn `json:"withdrawn"`
}

func runList(ctx context.Context, s *streams, o ListOptions) error {
	r, err := readRepo(ctx, s, o.From, o.Key)
	if err != nil {
		return err
	}
	f, err := r.Front(ctx)
	if err != nil {
		return err
	}
	if o.NEVRA != "" {
		return listOne(ctx, s, r, f, o)
	}
	result := listResult{Product: f.Product, Base: f.Base, Key: f.Key}
	for _, c := range repo.Channels {
		if x := f.Channels[c]; x != nil {
			result.Channels = append(result.Channels, listChannel{c, x.Bundles, x.Withdrawn})
		}
	}
	if o.JSON {
		return s.printJSON(result)
	}
	return s.print(result.text(colours(s, s.out)))
}

func (r listResult) text(c palette) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, for customers at %s/\nsigned with %s\n", r.Product, r.Base, r.Key)
	stable := map[string]bool{}
	for _, ch := range r.Channels {
		for _, x := range ch.Bundles {
			stable[x.NEVRA] = stable[x.NEVRA] || ch.Channel == repo.Stable
		}
	}
	for _, ch := range r.Channels {
		b.WriteString("\n" + c.bold(ch.Channel) + "\n")
		if len(ch.Bundles)+len(ch.Withdrawn) == 0 {
			b.WriteString("  nothing\n")
			continue
		}
		newest := map[string]int{} // revision, by short name
		for _, x := range ch.Bundles {
			newest[x.Short] = max(newest[x.Short], x.Revision)
		}
		rows := [][]string{{"BUNDLE", "FROM", "TO", "SIZE", "PUBLISHED", ""}}
		for _, x := range ch.Bundles {
			note := ""
			switch {
			case x.Revision < newest[x.Short]:
				note = "there is a newer revision"
			case ch.Channel != repo.Stable && stable[x.NEVRA]:
				note = "in stable too"
			}
			rows = append(rows, []string{x.NEVRA, x.From, x.To, size(x.Size), day(x.Published), note})
		}
		for _, w := range ch.Withdrawn {
			rows = append(rows, []string{w.NEVRA, "", "", "", "", "withdrawn " + day(w.At) + ": " + w.Reason})
		}
		b.WriteString(table("  ", rows))
	}
	return b.String()
}

// day is the day of a time as an Index has it.
func day(at string) string {
	d, _, _ := strings.Cut(at, "T")
	return d
}
