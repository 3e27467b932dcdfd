package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/exit"
)

const marker = "versions/product.yaml"

func projectFlag() cli.Flag {
	return &cli.StringFlag{Name: "project", Usage: "the project is in `DIR`", DefaultText: "the nearest upwards with " + marker}
}

// projectOf returns the project's folder: the flag's, which may stand before or
// behind the command's name, or the nearest one upwards from the current folder.
func projectOf(c *cli.Context) (string, error) {
	for _, level := range c.Lineage() {
		if dir := level.String("project"); dir != "" {
			if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
				return "", exit.With(exit.Usage, err, "name the folder that has "+marker+" (--project DIR), or start one there with bundler init")
			}
			return dir, nil
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return upwards(here)
}

// upwards returns the nearest project's folder from a folder upwards.
func upwards(here string) (string, error) {
	for dir := here; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, marker))
		switch {
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case dir == filepath.Dir(dir):
			return "", exit.Errorf(exit.Usage, "go to the project's folder, name it with --project, or start one here with bundler init", "no %s here or upwards", marker)
		}
	}
}

// inProjectWith is the action of a command about the project that takes one argument.
func inProjectWith(project, argument *string, do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := arguments(c, 1, 1)
		if err != nil {
			return err
		}
		*argument = args[0]
		if *project, err = projectOf(c); err != nil {
			return err
		}
		return do(c)
	}
}
