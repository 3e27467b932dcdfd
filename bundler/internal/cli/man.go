package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/manual"
	"onerpm/bundler/internal/version"
)

// manCommand is for make, which puts the page where man looks for it.
func manCommand(s *streams) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Hidden:      true,
		Usage:       "print this command's man page",
		Description: "To read it where it is not installed: bundler man | man -l -",
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			return s.print(manual.Write(c.App, manualPage()))
		},
	}
}

// manualPage is what the man page has beside commands and flags.
func manualPage() manual.Page {
	p := manual.Page{
		Version: version.Number(),
		Description: "A bundle is one signed RPM that upgrades a product in place from one release to the next: a jump. " +
			"This command makes bundles, checks and certifies them, and publishes them where customers get them.\n\n" +
			"It works in a project: a folder with the product's releases in versions/ and its jumps in specs/. " +
			"The project is the nearest folder upwards that has versions/product.yaml. " +
			"A jump is named as its folder in specs/: the release that it starts from, a hyphen, and the one that it leads to.\n\n" +
			"The program that a bundle runs on the customer's machine, the engine, is in this command; bundler version tells which.",
		Environment: []manual.Entry{
			{Name: "BUNDLER_KEY", What: "File of the private key to sign with, when --key is not given."},
			{Name: "BUNDLER_PASSPHRASE_FILE", What: "File whose first line is the key's passphrase, when --passphrase-file is not given."},
			{Name: "SOURCE_DATE_EPOCH", What: "Build time of a bundle, in seconds since 1970. Without it, the date of the release."},
			{Name: "PGPASSWORD, PGPASSFILE", What: "Password of the database that --database names."},
			{Name: "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_REGION", What: "Account of a store or a source in S3, as for other tools of AWS."},
			{Name: "AWS_ENDPOINT_URL", What: "Address of another server that speaks S3."},
			{Name: "NO_COLOR", What: "If it is set, the output has no colours."},
			{Name: "TERM", What: "If it is dumb, the output has no colours."},
		},
		Files: []manual.Entry{
			{Name: "versions/product.yaml", What: "Name, vendor and licence of the product; marks a project."},
			{Name: "versions/RELEASE.yaml", What: "A release: its components, with digests and sizes."},
			{Name: "versions/installed-base.yaml", What: "How many customers run which release."},
			{Name: "specs/FROM-TO/upgrade.yaml", What: "A jump: services, configuration, migrations, limits. Scripts and migrations lie beside it."},
			{Name: ".cache/components", What: "Components that were fetched."},
			{Name: "dist", What: "Bundles, each with its checksum, bill of materials and provenance."},
		},
		Examples: []manual.Entry{
			{Name: "bundler build 4.1.1-4.2.0 --key releases.key.asc", What: "Make the bundle of a jump:"},
			{Name: "bundler inspect dist/upgrade-4.2.0.rpm --key releases.pub.asc", What: "Look into a bundle, and check that it is complete and signed with the key:"},
			{Name: "bundler publish dist/upgrade-4.2.0.rpm --to s3://downloads/upgrades", What: "Give it to customers:"},
		},
		See: []string{"rpm(8)", "dnf(8)", "gpg(1)"},
	}
	for line := range strings.Lines(exit.Table()) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		p.Exit = append(p.Exit, manual.Entry{Name: code, What: strings.ToUpper(meaning[:1]) + meaning[1:] + "."})
	}
	return p
}
