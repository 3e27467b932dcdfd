package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/inspect"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/sign"
)

// localMachine is the program with which a project may make test machines itself (package certify, Local).
const localMachine = "test/host/machine"

// CertifyOptions are what certify is asked.
type CertifyOptions struct {
	Project  string
	Bundle   string
	Platform string
	Local    bool
	Via      string // command prefix, as a shell reads it
	Reset    string // command, as a shell reads it
	Reboot   string // likewise
	Only     []string
	Limit    time.Duration
	Key      KeyOptions
	JSON     bool
}

func certifyCommand(s *streams) *cli.Command {
	var o CertifyOptions
	flags := []cli.Flag{
		&cli.StringFlag{Name: "platform", Usage: "the machine is `NAME`, as a release names it, e.g. el7.x86_64", Destination: &o.Platform},
		&cli.BoolFlag{Name: "local", Usage: "make machines here, as bundler machine does, or with the project's own " + localMachine, DisableDefaultText: true, Destination: &o.Local},
		&cli.StringFlag{Name: "via", Usage: "reach the machine by the command prefix `CMD`: \"ssh root@vm\", \"podman exec -i vm\"", Destination: &o.Via},
		&cli.StringFlag{Name: "reset", Usage: "put the machine back to the old release with `CMD`, before every scenario", Destination: &o.Reset},
		&cli.StringFlag{Name: "reboot", Usage: "boot the machine anew with `CMD`, when it cannot do so itself and be reached again: \"podman restart vm\"", Destination: &o.Reboot},
		&cli.StringSliceFlag{Name: "only", Usage: "run the scenario `NAME` alone; may be given more than once; no certificate is written then"},
		&cli.DurationFlag{Name: "limit", Usage: "end a scenario that takes longer than `TIME`", Value: 30 * time.Minute, Destination: &o.Limit},
		jsonFlag(&o.JSON),
	}
	return &cli.Command{
		Name:      "certify",
		Usage:     "test a bundle on machines of the old release, and sign the result",
		ArgsUsage: "FILE",
		Description: "Takes machines through the scenarios " + strings.Join(certify.Names(), ", ") + ".\n" +
			"The result is a signed statement beside the bundle, also when a scenario failed: FILE.certificate.<platform>.intoto.json\n" +
			"and .asc. Without a good one for every platform of its release no bundle is published as stable.",
		Flags: append(flags, keyFlags(&o.Key)...),
		Action: inProjectWith(&o.Project, &o.Bundle, func(c *cli.Context) error {
			o.Only = c.StringSlice("only")
			return runCertify(c.Context, s, o)
		}),
	}
}

// check finds what does not fit together before anything is done.
func (o CertifyOptions) check() error {
	if err := certify.CheckPlatform(o.Platform); err != nil {
		return err
	}
	if err := certify.CheckOnly(o.Only); err != nil {
		return err
	}
	switch {
	case o.Local == (o.Via != ""):
		return exit.Errorf(exit.Usage, "--local, or --via CMD with --reset CMD", "say where the machines are: exactly one of --local and --via")
	case o.Local && o.Reset != "":
		return exit.Errorf(exit.Usage, "", "--reset goes with --via: local machines are new for every scenario")
	case o.Local && o.Reboot != "":
		return exit.Errorf(exit.Usage, "", "--reboot goes with --via: local machines boot anew by themselves")
	case o.Via != "" && o.Reset == "" && len(o.Only) != 1:
		return exit.Errorf(exit.Usage, "--reset CMD, or one scenario with --only NAME", "without --reset the machine is the old release only once")
	case o.Limit <= 0:
		return exit.Errorf(exit.Usage, "", "--limit is %s", o.Limit)
	}
	return nil
}

func runCertify(ctx context.Context, s *streams, o CertifyOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	key, err := signingKey(ctx, s, o.Project, o.Key)
	if err != nil {
		return err
	}
	rep, err := wholeBundle(o.Bundle, key)
	if err != nil {
		return err
	}
	checks, err := certify.LoadChecks(filepath.Join(o.Project, "specs", rep.Manifest.From+"-"+rep.Manifest.To, "certify"))
	if err != nil {
		return err
	}
	cat, err := release.Load(o.Project)
	if err != nil {
		return err
	}
	spec, err := cat.Spec(rep.Manifest.From + "-" + rep.Manifest.To)
	if err != nil {
		return err
	}
	told := &teller{s: s, began: time.Now()}
	machines, done, err := o.machines(ctx, rep.Manifest.From, told)
	if err != nil {
		return err
	}
	defer done()
	c, err := certify.Run(ctx, certify.Options{
		Bundle: o.Bundle, SHA256: rep.SHA256, Manifest: rep.Manifest, Platform: o.Platform, Machines: machines, Checks: checks,
		LeaveOut: spec.Certify.LeaveOut, Limits: certify.Limits{Back: spec.Certify.Back.D(), Gap: spec.Certify.Gap.D()}, Only: o.Only, Limit: o.Limit, Tell: told.printf,
	})
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("interrupted; there is no certificate of this run: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("there is no certificate of this run: %w", err)
	}
	c.Bundle = filepath.Base(o.Bundle)
	result := certifyResult{Certificate: c, SHA256: rep.SHA256}
	if len(o.Only) == 0 {
		if result.File, err = writeCertificate(c, rep.SHA256, key, o.Bundle); err != nil {
			return err
		}
	}
	return s.certified(o, result)
}

// wholeBundle reads a bundle that must be whole and signed by the key's own hand.
func wholeBundle(path string, key *sign.Key) (*inspect.Report, error) {
	armored, err := key.Public()
	if err != nil {
		return nil, err
	}
	public, err := sign.LoadPublic(strings.NewReader(string(armored)))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, exit.With(exit.Usage, err, "run bundler certify FILE")
	}
	defer f.Close() //nolint:errcheck // only read
	rep, err := inspect.Read(f, public)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(rep.Problems) > 0 {
		return nil, exit.Errorf(exit.BadBundle, "run bundler inspect "+path+" to see everything that is wrong", "%s failed verification: %s", path, rep.Problems[0])
	}
	return rep, nil
}

// machines are those that the flags name; the function ends what they need here.
func (o CertifyOptions) machines(ctx context.Context, version string, told *teller) (certify.Machines, func(), error) {
	if !o.Local {
		tell := func(format string, a ...any) { told.printf("", format, a...) }
		return certify.Remote{Machine: certify.Machine{Via: o.Via, Reboot: o.Reboot}, Reset: o.Reset, Tell: tell}, func() {}, nil
	}
	l, err := o.local(ctx, version)
	if err != nil {
		return nil, nil, err
	}
	l.Tell = func(format string, a ...any) { told.printf("machine", format, a...) }
	return l, func() { _ = l.Close() }, nil // a temporary folder that stays does no harm
}

// local are machines made by the project's own program, or else by this one.
func (o CertifyOptions) local(ctx context.Context, version string) (*certify.Local, error) {
	switch _, err := os.Stat(filepath.Join(o.Project, localMachine)); {
	case err == nil:
		l, err := certify.NewLocal(ctx, o.Project, localMachine, version, o.Platform)
		return l, exit.With(exit.Usage, err, "--local needs go for "+localMachine+" of the project; otherwise name a machine with --via")
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	project, err := filepath.Abs(o.Project)
	if err != nil {
		return nil, err
	}
	platform, _, _ := strings.Cut(o.Platform, ".")
	asked := MachineOptions{Project: project, Release: version, Platform: platform}
	r, _, err := asked.release(nil)
	if err != nil {
		return nil, err
	}
	if err := asked.possible(); err != nil {
		return nil, err
	}
	return certify.LocalOf(program, []string{"machine", "--project", project}, project, version, o.Platform, r.HasData()), nil
}

// writeCertificate puts statement and signature beside the bundle, both or none.
func writeCertificate(c certify.Certificate, sum string, key *sign.Key, bundle string) (string, error) {
	statement, signature, err := certify.Seal(c, sum, key)
	if err != nil {
		return "", err
	}
	out, err := output.Open(filepath.Dir(bundle))
	if err != nil {
		return "", err
	}
	defer out.Discard()
	name := certify.FileName(bundle, c.Platform)
	if err := out.Add(name, statement); err != nil {
		return "", err
	}
	if err := out.Add(name+".asc", signature); err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(bundle), name), out.Commit()
}

// teller shows what is being done, a line at a time.
type teller struct {
	s     *streams
	began time.Time
	mu    sync.Mutex
}

func (t *teller) printf(scenario, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.ReplaceAll(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n", "\n    ")
	fmt.Fprintf(t.s.err, "%5.1f s  %-11s  %s\n", time.Since(t.began).Seconds(), scenario, text)
}

// certifyResult is what certify tells programs.
type certifyResult struct {
	certify.Certificate
	SHA256 string `json:"sha256"`
	File   string `json:"file"` // the certificate, "" when only some scenarios were run
}

// certified shows the result. A failed scenario is an error.
func (s *streams) certified(o CertifyOptions, r certifyResult) error {
	var err error
	if o.JSON {
		err = s.printJSON(r)
	} else {
		err = s.print(r.text(colours(s, s.out)))
	}
	if err != nil || r.Outcome == certify.Passed {
		return err
	}
	var failed []string
	for _, sc := range r.Scenarios {
		if sc.Outcome != certify.Passed {
			failed = append(failed, sc.Name)
		}
	}
	return exit.Errorf(exit.Uncertified, "mend what the reason names, build the bundle again and certify that; one scenario alone: --only "+failed[0],
		"%s fails on %s: %s", r.Bundle, r.Platform, strings.Join(failed, ", "))
}

// headline is the line of a reason that says most: the first refusal where the machine refused, the first line otherwise.
func headline(reason string) string {
	first, _, _ := strings.Cut(reason, "\n")
	for line := range strings.Lines(reason) {
		if what, is := strings.CutPrefix(line, "refuse "); is && !strings.Contains(first, "refuse ") {
			before, _, _ := strings.Cut(first, ": warn ")
			return before + ": refuse " + strings.TrimSuffix(what, "\n")
		}
	}
	return first
}

func (r certifyResult) text(c palette) string {
	rows := [][]string{{"SCENARIO", "OUTCOME", "TIME", "OUT OF SERVICE", ""}}
	for _, sc := range r.Scenarios {
		window := "-"
		if sc.Window > 0 {
			window = fmt.Sprintf("%.1f s (limit %.0f s)", sc.Window, sc.Limit)
		}
		note := headline(sc.Reason) // all of it was told, and is in the certificate
		if sc.Load != nil && note == "" {
			note = fmt.Sprintf("%d of %d questions answered, longest gap %.1f s", sc.Load.Good, sc.Load.Asked, sc.Load.Gap)
			if sc.Untried == "" {
				note += fmt.Sprintf("; %d writes", sc.Load.Writes)
			}
		}
		if sc.Back != nil && sc.Clients != nil && note == "" {
			note = fmt.Sprintf("%s; on the way back: %s", sc.Clients, sc.Back)
		}
		if sc.Untried != "" && sc.Outcome == certify.Passed {
			what, _, _ := strings.Cut(sc.Untried, ":")
			note = strings.TrimPrefix(note+"; "+what, "; ")
		}
		rows = append(rows, []string{sc.Name, sc.Outcome, fmt.Sprintf("%.1f s", sc.Seconds), window, note})
	}
	m := r.Machine
	text := c.bold(r.Bundle) + " on " + r.Platform + " (" + m.System + ", rpm " + m.RPM
	if m.PostgreSQL != "" {
		text += ", PostgreSQL " + m.PostgreSQL
	}
	text += ")\n" + table("  ", rows)
	if r.File == "" {
		return text + "no certificate was written: only some of the scenarios were run\n"
	}
	verdict := c.green("certified:")
	if r.Outcome != certify.Passed {
		verdict = c.red("not certified:")
	}
	return text + verdict + " " + r.File + "\n"
}
