// Command window measures how long the product does not serve while it is
// upgraded, from outside and through the door, and beside it, in the same run,
// the way that the product's own documentation went: stop everything, replace
// the packages, migrate, start everything. It writes the table into docs/benchmarks.md:
//
//	go run ./test/bench/window [--rows 1000,1000000] [--rounds 3] [--before BUNDLE] [--doc FILE]
//
// Each is measured on fresh 4.1.1 machines with so many rows in each of the
// tables that grow with use, in rounds that take turns. --before is the bundle with the engine of another commit, for the
// question whether a change has made the window longer.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"onerpm/test/bench/internal/outside"
	"onerpm/test/bench/internal/page"
	"onerpm/test/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "window:", err)
		os.Exit(1)
	}
}

// result is one measured upgrade.
type result struct {
	rows   int
	way    string
	window outside.Gap   // as seen from outside
	total  time.Duration // from the command to its end
	told   string        // what the upgrade itself reports, "" when it reports nothing
	said   string        // what the rehearsal predicted, "" when there was none
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("window", flag.ContinueOnError)
	rows := flags.String("rows", "1000,1000000", "rows in each of events and logs")
	doc := flags.String("doc", "docs/benchmarks.md", "write the table into `FILE`")
	bundle := flags.String("bundle", "dist/cloudify-upgrade-4.2.0.rpm", "the bundle; make bundles builds it")
	before := flags.String("before", "", "measure this `BUNDLE` of another commit too")
	rounds := flags.Int("rounds", 1, "measure each way so many times; the table has the median, and the shortest and the longest")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rounds < 1 {
		return fmt.Errorf("--rounds %d: at least 1", *rounds)
	}
	var results []result
	for _, text := range strings.Split(*rows, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("--rows %s: %w", *rows, err)
		}
		for range *rounds {
			found, err := round(ctx, n, *bundle, *before)
			if err != nil {
				return err
			}
			results = append(results, found...)
		}
	}
	table := markdown(results)
	fmt.Print(table)
	section := "window"
	if *before != "" {
		section = "window beside before"
	}
	return page.WriteSection(*doc, section, table)
}

// round measures each way once.
func round(ctx context.Context, rows int, bundle, before string) ([]result, error) {
	var all []result
	if before != "" {
		_, r, err := byBundle(ctx, rows, before)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", before, err)
		}
		r.way = "the bundle of before"
		all = append(all, r)
	}
	configuration, ours, err := byBundle(ctx, rows, bundle)
	if err != nil {
		return nil, err
	}
	own, err := byHand(ctx, rows, configuration)
	return append(all, ours, own), err
}

// byBundle installs the bundle and returns the configuration of the upgraded
// machine too, as a tar archive, for the other way.
func byBundle(ctx context.Context, rows int, bundle string) ([]byte, result, error) {
	r := result{rows: rows, way: "the bundle"}
	m, err := machine(ctx, rows)
	if err != nil {
		return nil, r, err
	}
	defer m.Stop() //nolint:errcheck // the figures are there
	if err := m.CopyIn(bundle, "/root/bundle.rpm"); err != nil {
		return nil, r, err
	}
	r.said, err = m.Output(ctx, "mkdir /root/c && cd /root/c && rpm2cpio /root/bundle.rpm | cpio -idm --quiet && "+
		"/root/c/opt/cloudify-upgrade/4.2.0/bin/engine rehearse --json 2>/dev/null"+windowOf)
	if err != nil {
		return nil, r, err
	}
	r.total, r.window, err = measure(ctx, m, "dnf install -y /root/bundle.rpm >/dev/null && cloudify-upgrade wait")
	if err != nil {
		return nil, r, err
	}
	r.told, err = m.Output(ctx, "cloudify-upgrade report --json"+windowOf)
	if err != nil {
		return nil, r, err
	}
	archive, err := m.Output(ctx, "tar -cf - -C / "+configurationFiles+" | base64 -w0")
	return []byte(archive), r, err
}

// windowOf reads the window out of a report in JSON, in seconds.
const windowOf = ` | python3 -c 'import json,re,sys
w = json.load(sys.stdin)["window"]
print("%.1f s" % sum(float(n) * {"ms": 0.001, "s": 1, "m": 60, "µs": 0}[u] for n, u in re.findall(r"([0-9.]+)(ms|µs|s|m)", w)))'`

// configurationFiles are what a person would edit by hand on the way to 4.2.0.
const configurationFiles = "opt/manager/cloudify-rest.conf opt/manager/rest-security.conf opt/manager/authorization.conf " +
	"etc/sysconfig etc/nginx/conf.d usr/lib/systemd/system/cloudify-composer.service usr/lib/systemd/system/cloudify-restservice.service"

// byHand goes the product's own way. Its packages are erased without their
// scriptlets first, as its documentation did: a plain update deletes uploads.
func byHand(ctx context.Context, rows int, configuration []byte) (result, error) {
	r := result{rows: rows, way: "by hand: stop, dnf, migrate, start"}
	m, err := machine(ctx, rows)
	if err != nil {
		return r, err
	}
	defer m.Stop() //nolint:errcheck // the figures are there
	if err := m.CopyIn("dist/components/4.2.0", "/srv/components"); err != nil {
		return r, err
	}
	for name, text := range map[string]string{"/root/configuration": string(configuration), "/root/migrate.sql": migrateByHand, "/root/by-hand": scriptByHand} {
		if err := m.WriteFile(name, []byte(text), 0o755); err != nil {
			return r, err
		}
	}
	if _, err := m.Output(ctx, "base64 -d /root/configuration > /root/configuration.tar && createrepo_c -q /srv/components && "+
		`printf '[components]\nname=components\nbaseurl=file:///srv/components\ngpgcheck=0\n' > /etc/yum.repos.d/components.repo && dnf -q makecache`); err != nil {
		return r, err
	}
	r.total, r.window, err = measure(ctx, m, "bash -e /root/by-hand")
	return r, err
}

// question is what a client asks through the door.
const question = "http://127.0.0.1/api/v3.1/version"

// measure runs a script in the machine, seen from outside.
func measure(ctx context.Context, m *host.Machine, script string) (time.Duration, outside.Gap, error) {
	return outside.Measure(ctx, m.HTTP(), question, func() error {
		_, err := m.Output(ctx, script)
		return err
	})
}
