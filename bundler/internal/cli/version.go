package cli

import (
	"cmp"
	"runtime"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/engine"
	"onerpm/bundler/internal/version"
)

// versionResult says what this program is.
type versionResult struct {
	Version  string `json:"version"`
	Go       string `json:"go"`       // what compiled it
	Platform string `json:"platform"` // that it runs on
	Engine   string `json:"engine"`   // SHA-256 of the engine in it, "" for none
}

func versionCommand(s *streams) *cli.Command {
	var asJSON bool
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version of this program, and which engine is in it",
		Description: "The engine is told by its SHA-256, which a bundle's manifest has of bin/engine, too.\nbundler --version prints the same.",
		Flags:       []cli.Flag{jsonFlag(&asJSON)},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			return runVersion(s, asJSON)
		},
	}
}

func runVersion(s *streams, asJSON bool) error {
	sum, err := engine.SHA256()
	if err != nil {
		return err
	}
	v := versionResult{Version: version.Number(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Engine: sum}
	if asJSON {
		return s.printJSON(v)
	}
	return s.print("bundler " + v.Version + "\n" + table("  ", [][]string{
		{"built with", v.Go + " for " + v.Platform},
		{"engine", cmp.Or(v.Engine, "none: built without make bundler")},
	}))
}
