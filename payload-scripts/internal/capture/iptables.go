package capture

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"onerpm/payload-scripts/internal/programs"
)

// tool is one of the two programs for the tables of the two families.
type tool struct {
	name, to string
	ipv6     bool
}

var tools = []tool{{"iptables", "127.0.0.1", false}, {"ip6tables", "::1", true}}

// startIPTables fills a chain of its own and then has packets go through it. Where nobody listens, TPROXY drops
// (iptables-extensions(8)).
func (c Capture) startIPTables(ctx context.Context) error {
	if err := c.stopIPTables(ctx); err != nil {
		return err
	}
	for _, t := range tools {
		if t.ipv6 && !hasIPv6() {
			continue
		}
		commands := [][]string{{"-N", c.chain()}}
		for _, port := range c.sorted() {
			commands = append(commands, []string{
				"-A", c.chain(), "-p", "tcp", "--syn", "--dport", strconv.Itoa(int(port)), "-m", "addrtype", "--dst-type", "LOCAL",
				"-j", "TPROXY", "--on-ip", t.to, "--on-port", strconv.Itoa(int(c.To)),
			})
		}
		for _, args := range append(commands, append([]string{"-I"}, c.jump()...)) {
			if err := t.run(ctx, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// jump is the rule by which packets go through the chain.
func (c Capture) jump() []string {
	return []string{"PREROUTING", "-m", "mark", "!", "--mark", fmt.Sprintf("%#x", mark), "-j", c.chain()}
}

// stopIPTables takes the chain away, if it is there.
func (c Capture) stopIPTables(ctx context.Context) error {
	var failed error
	for _, t := range tools {
		if !t.has(ctx, c.chain()) {
			continue
		}
		for t.run(ctx, append([]string{"-D"}, c.jump()...)...) == nil { // of an earlier call that was cut short too
		}
		failed = errors.Join(failed, t.run(ctx, "-F", c.chain()), t.run(ctx, "-X", c.chain()))
	}
	return failed
}

// hasChain reports whether one of the programs has the chain.
func (c Capture) hasChain(ctx context.Context) bool {
	return slices.ContainsFunc(tools, func(t tool) bool { return t.has(ctx, c.chain()) })
}

func (t tool) has(ctx context.Context, chain string) bool {
	return programs.Exists(t.name) && t.run(ctx, "-n", "-L", chain) == nil
}

func (t tool) run(ctx context.Context, args ...string) error {
	_, err := programs.Run(ctx, programs.Cmd{Name: t.name, Args: append([]string{"-w", "-t", "mangle"}, args...), Timeout: 30 * time.Second})
	return err
}
