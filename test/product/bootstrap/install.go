package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"onerpm/test/product/internal/product"
)

// plan is what install is to do.
type plan struct {
	release       product.Release
	upgraded      bool
	adminPassword string
}

const serviceUser = "cfyuser"

// Folders that belong to no package and that the services write into.
var folders = []string{
	"/opt/manager/resources/blueprints", "/opt/manager/resources/deployments", "/opt/manager/resources/snapshots",
	"/opt/manager/resources/uploaded-blueprints", "/opt/manager/resources/uploaded-plugins",
	"/opt/manager/maintenance", "/opt/mgmtworker/work", "/var/log/cloudify/rest", "/var/log/cloudify/mgmtworker",
}

// step is one thing that install does.
type step struct {
	what string
	do   func() error
}

func install(ctx context.Context, p plan) error {
	steps := []step{
		{"packages", func() error { return checkPackages(p.release) }},
		{"user", func() error { return ensureUser(ctx, serviceUser) }},
		{"folders", makeFolders},
		{"certificates", func() error { return makeCertificates("/etc/cloudify/ssl", p.release.Version == "4.2.0") }},
		{"configuration", func() error { return writeConfiguration(ctx, p) }},
		{"database", func() error { return makeDatabase(ctx, p) }},
		{"services", func() error { return startServices(ctx, p.release, "postgresql-9.5") }},
	}
	if p.release.Elasticsearch {
		steps = stepsOnElasticsearch(ctx, p)
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	fmt.Printf("release %s is installed and running\n", p.release.Version)
	return nil
}

// checkPackages proves that the release's packages are on the machine: the bootstrap installs none.
func checkPackages(r product.Release) error {
	b, err := os.ReadFile("/opt/manager/env/lib/manager_rest/VERSION")
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("cloudify-rest-service is not installed: install the release's packages first")
	}
	if err != nil {
		return err
	}
	if got := string(b); got != r.Version+"\n" {
		return fmt.Errorf("cloudify-rest-service is at %q, not at %s", got, r.Version)
	}
	return nil
}

func ensureUser(ctx context.Context, name string) error {
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	return command(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/etc/cloudify", "--shell", "/usr/sbin/nologin", name)
}

func makeFolders() error {
	for _, f := range folders {
		if err := os.MkdirAll(f, 0o755); err != nil {
			return err
		}
		if err := give(f, serviceUser); err != nil {
			return err
		}
	}
	return nil
}

// give makes a user the owner of what lies at path and below.
func give(path, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, uid, gid)
	})
}

// command runs a program that must succeed within two minutes.
func command(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
