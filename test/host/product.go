package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"onerpm/internal/machine"
)

const (
	// moduleLine is the first line of this project's go.mod.
	moduleLine = "module onerpm"
	// productURL answers {"version": RELEASE, ...} once the product serves, through its door.
	productURL   = "http://127.0.0.1/api/v2.1/version"
	productLimit = 2 * time.Minute
	productPoll  = 100 * time.Millisecond
	// staging is where a layer's maker has its files in the machine. Nothing of it stays.
	staging = "/var/tmp/bootstrap"
)

// product is the demo product at one release, as it lies ready to be installed: a [machine.Release].
type product struct {
	release   string
	rpms      []string // its components, sorted
	bootstrap []byte   // the program that sets the product up
	sum       string   // a digest of all this
}

// loaded keeps what loadProduct found for the life of this process.
var loaded struct {
	sync.Mutex
	byRelease map[string]*product
}

// loadProduct reads the components that `make components` built and builds the
// bootstrap, once in the life of this process.
func loadProduct(ctx context.Context, release string) (*product, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if p, ok := loaded.byRelease[release]; ok {
		return p, nil
	}
	p, err := readProduct(ctx, release)
	if err != nil {
		return nil, err
	}
	if loaded.byRelease == nil {
		loaded.byRelease = map[string]*product{}
	}
	loaded.byRelease[release] = p
	return p, nil
}

func readProduct(ctx context.Context, release string) (*product, error) {
	project, err := projectRoot()
	if err != nil {
		return nil, err
	}
	p := &product{release: release}
	folder := filepath.Join(project, "dist", "components", release)
	if p.rpms, err = filepath.Glob(filepath.Join(folder, "*.rpm")); err != nil {
		return nil, fmt.Errorf("list components: %w", err)
	}
	if len(p.rpms) == 0 {
		return nil, fmt.Errorf("no components of release %s in %s: build them with make components", release, folder)
	}
	slices.Sort(p.rpms)
	if p.bootstrap, err = buildBootstrap(ctx, project); err != nil {
		return nil, err
	}
	p.sum, err = p.digest()
	return p, err
}

// Name is the release's.
func (p *product) Name() string { return p.release }

// Sum is a digest of components and bootstrap.
func (p *product) Sum() string { return p.sum }

func (p *product) digest() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%x\n%s\n", sha256.Sum256(p.bootstrap), NoAgents)
	for _, path := range p.rpms {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read a component: %w", err)
		}
		one := sha256.New()
		_, err = io.Copy(one, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("read a component: %w", err)
		}
		fmt.Fprintf(sum, "%s %x\n", filepath.Base(path), one.Sum(nil))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Install makes the machine one of the release, the way a customer's came to be: the
// packages by dnf, then the bootstrap.
func (p *product) Install(ctx context.Context, m *machine.Machine) error {
	for _, path := range p.rpms {
		if err := m.CopyIn(path, staging+"/"+filepath.Base(path)); err != nil {
			return err
		}
	}
	if err := m.Do(ctx, "dnf -y install "+staging+"/*.rpm"); err != nil {
		return m.WithJournal(fmt.Errorf("install the components of %s: %w", p.release, err))
	}
	if err := m.WriteFile(NoAgents, nil, 0o600); err != nil {
		return err
	}
	return p.runBootstrap(ctx, m, "install", "--release", p.release)
}

// Fill puts the small set of data in.
func (p *product) Fill(ctx context.Context, m *machine.Machine) error {
	return p.runBootstrap(ctx, m, "data", "--size", "small")
}

// NoAgents is a file with an admin's word that an upgrade leaves the agents alone. Machines with
// a release have it, so that a test of the machine is not one of its agents too.
const NoAgents = "/etc/cloudify-upgrade/no-agents"

// Fill puts data of a test's own choice into a machine whose release has none yet;
// the arguments are those of the product's `bootstrap data`.
func (m *Machine) Fill(ctx context.Context, release string, args ...string) error {
	p, err := loadProduct(ctx, release)
	if err != nil {
		return err
	}
	return p.runBootstrap(ctx, m.Machine, append([]string{"data"}, args...)...)
}

// FillAwkward puts awkward data of every kind in the place of what a machine of a release on Elasticsearch has there;
// the arguments are those of the product's `bootstrap documents`.
func (m *Machine) FillAwkward(ctx context.Context, release string, args ...string) error {
	p, err := loadProduct(ctx, release)
	if err != nil {
		return err
	}
	return p.runBootstrap(ctx, m.Machine, append([]string{"documents"}, args...)...)
}

// Secure has the product of a machine of 3.4.2 ask for names and passwords; the arguments are those of its `bootstrap security`.
func (m *Machine) Secure(ctx context.Context, args ...string) error {
	p, err := loadProduct(ctx, "3.4.2")
	if err != nil {
		return err
	}
	return p.runBootstrap(ctx, m.Machine, append([]string{"security"}, args...)...)
}

func (p *product) runBootstrap(ctx context.Context, m *machine.Machine, args ...string) error {
	if err := m.WriteFile(staging+"/bootstrap", p.bootstrap, 0o755); err != nil {
		return err
	}
	if err := m.Do(ctx, staging+"/bootstrap "+strings.Join(args, " ")); err != nil {
		return m.WithJournal(fmt.Errorf("bootstrap %s: %w", args[0], err))
	}
	return m.Do(ctx, "rm -rf "+staging)
}

// AwaitProduct waits until the product answers with the release, through its door and
// for no longer than two minutes. [Boot] has done so; after a reboot or a cut it is the test's business.
func (m *Machine) AwaitProduct(ctx context.Context, release string) error {
	return (&product{release: release}).Await(ctx, m.Machine)
}

// Await is [Machine.AwaitProduct].
func (p *product) Await(ctx context.Context, m *machine.Machine) error {
	release := p.release
	ctx, cancel := context.WithTimeout(ctx, productLimit)
	defer cancel()
	client := m.HTTP()
	for {
		last := askVersion(ctx, client, release)
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return m.WithJournal(fmt.Errorf("wait for the product at %s: %w; last: %w", release, ctx.Err(), last))
		case <-time.After(productPoll):
		}
	}
}

func askVersion(ctx context.Context, client *http.Client, release string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, productURL, nil)
	if err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	var answer struct{ Version string }
	if err := json.Unmarshal(body, &answer); err != nil || answer.Version != release {
		return fmt.Errorf("ask for the version: %s: %s", resp.Status, bytes.TrimSpace(body[:min(len(body), 200)]))
	}
	return nil
}

// buildBootstrap builds the demo product's bootstrap: same sources, same bytes.
func buildBootstrap(ctx context.Context, project string) ([]byte, error) {
	temp, err := os.MkdirTemp("", "onerpm-bootstrap-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	out := filepath.Join(temp, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, "./test/product/bootstrap")
	cmd.Dir = project
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the product's bootstrap: %w\n%s", err, text)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("build the product's bootstrap: %w", err)
	}
	return program, nil
}

// projectRoot returns the folder of this project's go.mod, at or above the current one.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(text, []byte(moduleLine+"\n")) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("find the project: no go.mod of it here or above; run this inside its folder")
		}
		dir = up
	}
}
