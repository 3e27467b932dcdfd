package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/starter"
)

var (
	inPipeline = regexp.MustCompile(`\bbundler ([a-z]+)([^'\n]*)`)
	flagOf     = regexp.MustCompile(`--([a-z-]+)`)
)

// The pipelines that init writes run commands that there are, with flags that they have, in the order of the release process.
func TestPipelinesOfInit(t *testing.T) {
	t.Parallel()
	app := application(&streams{})
	order := []string{"check", "build", "inspect", "publish", "certify", "publish"}
	for _, system := range starter.Pipelines[:2] {
		list, err := starter.Files(starter.Answers{Pipeline: system})
		if err != nil {
			t.Fatal(err)
		}
		text := string(list[len(list)-1].Data)
		code := regexp.MustCompile(`(?m)^\s*(#|//).*$`).ReplaceAllString(text, "")
		next, seen := 0, map[string]bool{}
		for _, m := range inPipeline.FindAllStringSubmatch(code, -1) {
			if m[1] == "engine" { // make bundler engine
				continue
			}
			cmd := app.Command(m[1])
			if cmd == nil {
				t.Errorf("%s: there is no command %q", system, m[0])
				continue
			}
			seen[m[1]] = true
			if next < len(order) && order[next] == m[1] {
				next++
			}
			for _, f := range flagOf.FindAllStringSubmatch(m[2], -1) {
				if !slices.ContainsFunc(cmd.Flags, func(o cli.Flag) bool { return slices.Contains(o.Names(), f[1]) }) {
					t.Errorf("%s: bundler %s has no flag --%s", system, m[1], f[1])
				}
			}
		}
		if next < len(order) || !seen["verify"] || !seen["matrix"] {
			t.Errorf("%s: %s is not run where it belongs, or verify and matrix are not: %v", system, order[min(next, len(order)-1)], seen)
		}
		if strings.Count(code, "{") != strings.Count(code, "}") || strings.Count(code, "(") != strings.Count(code, ")") {
			t.Errorf("%s: brackets are open at the end", system)
		}
	}
}

// The workflow for GitHub is one: its jobs have a runner, a limit and steps, and wait for jobs that there are.
func TestWorkflowOfInit(t *testing.T) {
	t.Parallel()
	list, err := starter.Files(starter.Answers{Pipeline: "github"})
	if err != nil {
		t.Fatal(err)
	}
	var w struct {
		Name        string
		On          map[string]any
		Env         map[string]string
		Permissions map[string]string
		Concurrency map[string]string
		Jobs        map[string]struct {
			If, Needs, Environment string
			RunsOn                 any `yaml:"runs-on"`
			Timeout                int `yaml:"timeout-minutes"`
			Steps                  []struct {
				Name, Uses, Run, If string
				With                map[string]any
			}
		}
	}
	if err := yaml.UnmarshalWithOptions(list[len(list)-1].Data, &w, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs) != 4 || w.On["pull_request"] == nil || w.Permissions["contents"] != "read" {
		t.Errorf("%+v", w)
	}
	for name, j := range w.Jobs {
		if _, there := w.Jobs[j.Needs]; j.RunsOn == nil || j.Timeout == 0 || len(j.Steps) == 0 || j.Needs != "" && !there {
			t.Errorf("job %s: %+v", name, j)
		}
		for _, s := range j.Steps {
			if (s.Run == "") == (s.Uses == "") {
				t.Errorf("job %s: a step is either run or uses: %+v", name, s)
			}
			if strings.Contains(s.Run, "${{") {
				t.Errorf("job %s: what somebody types becomes a command: %s", name, s.Run)
			}
		}
	}
}
