package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"onerpm/test/product/internal/product"
)

// programs are a release's, by the folder of their source.
func programs(r product.Release) []string {
	all := []string{"restservice", "mgmtworker", "amqpinflux", "influxdb", "cfy"}
	if r.Elasticsearch {
		all = append(all, "logstash")
	}
	return all
}

// goCommand returns a go command whose output depends on the sources and on nothing of this
// machine: also the toolchain is the one that go.mod names, because the digests in
// versions/*.yaml are of its output.
func goCommand(ctx context.Context, root string, args ...string) (*exec.Cmd, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	line := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	if line == nil {
		return nil, errors.New("go.mod names no Go version")
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=",
		"GOFIPS140=off", "GOWORK=off", "GOTOOLCHAIN=go"+string(line[1]))
	return cmd, nil
}

// buildPrograms compiles a release's programs and returns their bytes by name.
func buildPrograms(ctx context.Context, root string, r product.Release) (map[string][]byte, error) {
	tmp, err := os.MkdirTemp("", "components-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // only a temporary folder
	args := []string{"build", "-trimpath", "-buildvcs=false", "-pgo=off", "-o", tmp + "/",
		"-ldflags", "-s -w -buildid= -X onerpm/test/product/internal/product.Version=" + r.Version}
	for _, p := range programs(r) {
		args = append(args, "./test/product/"+p)
	}
	cmd, err := goCommand(ctx, root, args...)
	if err != nil {
		return nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	bodies := map[string][]byte{}
	for _, p := range programs(r) {
		if bodies[p], err = os.ReadFile(filepath.Join(tmp, p)); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}
