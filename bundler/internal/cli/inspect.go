package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"onerpm/bundler/internal/diff"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/inspect"
	"onerpm/bundler/internal/sign"
	"onerpm/internal/manifest"
)

// InspectOptions are what inspect is asked.
type InspectOptions struct {
	File string
	Key  string // file of the public key, "" for none
	JSON bool
}

func inspectCommand(s *streams) *cli.Command {
	var o InspectOptions
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what a bundle contains, and check that it is complete",
		ArgsUsage: "FILE",
		Description: "Checks every digest that the file carries and every file in it against the manifest;\n" +
			"with --key also the signature. The exit code of a bundle that fails is 9.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "check the signature with the armored public key in `FILE`", Destination: &o.Key},
			jsonFlag(&o.JSON),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			o.File = args[0]
			return runInspect(s, o)
		},
	}
}

func runInspect(s *streams, o InspectOptions) error {
	key, err := publicKey(o.Key)
	if err != nil {
		return err
	}
	f, err := os.Open(o.File)
	if err != nil {
		return exit.With(exit.Usage, err, "run bundler inspect FILE")
	}
	defer f.Close() //nolint:errcheck // only read
	r, err := inspect.Read(f, key)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.File, err)
	}
	if o.JSON {
		err = s.printJSON(r)
	} else {
		err = s.print(reportText(r, o.File, colours(s, s.out)))
	}
	if err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return exit.Errorf(exit.BadBundle, "build or fetch it again, and do not give it to anybody", "%s failed verification: %s", o.File, plural(n, "problem"))
	}
	return nil
}

func publicKey(path string) (*sign.Public, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the key: %w", err), "name an armored public key: --key FILE")
	}
	defer f.Close() //nolint:errcheck // only read
	key, err := sign.LoadPublic(f)
	if err != nil {
		return nil, exit.With(exit.Usage, fmt.Errorf("read the key %s: %w", path, err), "name an armored public key: --key FILE")
	}
	return key, nil
}

// reportText tells a report to people.
func reportText(r *inspect.Report, file string, c palette) string {
	rows := [][]string{{"size", size(r.Size)}, {"sha256", r.SHA256}}
	if r.NEVRA != "" {
		rows = append(rows, []string{"package", r.NEVRA}, []string{"digests", strings.Join(r.Digests, ", ")}, []string{"signature", signatureText(r)})
	}
	var b strings.Builder
	b.WriteString(c.bold(file) + "\n")
	if m := r.Manifest; m != nil {
		rows = append(rows,
			[]string{"upgrades", m.Product + " " + m.From + " to " + m.To},
			[]string{"date", m.Date},
			[]string{"holds", contents(m)})
		if text := rebuiltText(m); text != "" {
			rows = append(rows, []string{"rebuilt", text})
		}
	}
	b.WriteString(table("  ", rows))
	section := func(title, body string) {
		if body != "" {
			b.WriteString("\n" + title + "\n" + body)
		}
	}
	if r.Notes != "" {
		section("release notes", "  "+strings.ReplaceAll(r.Notes, "\n", "\n  ")+"\n")
	}
	if m := r.Manifest; m != nil {
		section("packages", table("  ", packageRows(m)))
		section("configuration", table("  ", configRows(m)))
		section(markedTitle, markedText(r.Marked)+unreadText(r.Unread))
		section("services, in start order", table("  ", serviceRows(m)))
		section(acceptTitle, acceptText(m.Accept))
		section("data that changes its database", storesText(diff.MovesOf(m.Stores)))
		section("files", table("  ", fileRows(m)))
	}
	if len(r.Problems) > 0 {
		b.WriteString("\n" + c.red("problems") + "\n  " + strings.Join(r.Problems, "\n  ") + "\n")
		return b.String()
	}
	b.WriteString("\n" + c.green("whole:") + fmt.Sprintf(" all %d files are what the manifest says\n", len(r.Manifest.Files)))
	return b.String()
}

// unreadText names the packages in a bundle of whose files nothing is known.
func unreadText(files []string) string {
	if len(files) == 0 {
		return ""
	}
	return "  not known: the header of " + strings.Join(files, ", ") + " cannot be read\n"
}

func signatureText(r *inspect.Report) string {
	if r.Signer == "" {
		return r.Signature
	}
	return r.Signature + ", key " + r.Signer
}

// contents counts what is in a bundle.
func contents(m *manifest.Manifest) string {
	count := map[string]int{}
	for _, f := range m.Files {
		dir, _, _ := strings.Cut(f.Path, "/")
		count[dir]++
	}
	parts := []string{
		plural(count["packages"], "new package"), plural(count["rollback"], "package") + " of the way back",
		plural(len(m.Config), "configuration file"), plural(count["migrations"], "migration"), plural(len(m.Services), "service"),
	}
	if n := len(m.Stores); n > 0 {
		parts = append(parts, plural(n, "store"))
	}
	return strings.Join(parts, ", ")
}

// rebuiltText says what the packages take that are rebuilt on the host; "" when none is.
func rebuiltText(m *manifest.Manifest) string {
	var packages int
	var here, made int64
	listed := map[string]int64{}
	for _, f := range m.Files {
		listed[f.Path] = f.Size
	}
	for _, s := range m.Solid {
		here += listed[s.File]
		for _, r := range s.Packages {
			packages, here = packages+1, here+listed[r.Head]
		}
	}
	for _, p := range slices.Concat(m.Old, m.New) {
		if _, r := m.Rebuilt(p.File); r != nil {
			made += p.Size
		}
	}
	if packages == 0 {
		return ""
	}
	return fmt.Sprintf("%s, compressed together: %s of %s; on the host they take %s until the upgrade has ended",
		plural(packages, "package"), size(here), size(made), size(m.RebuiltSize()))
}

// packageRows shows each package of both releases with its versions.
func packageRows(m *manifest.Manifest) [][]string {
	rows := [][]string{}
	evr := func(set []manifest.Package, name string) string {
		i := slices.IndexFunc(set, func(p manifest.Package) bool { return p.Name == name })
		if i < 0 {
			return "-"
		}
		return set[i].ShortEVR()
	}
	var names []string
	for _, p := range append(slices.Clone(m.Old), m.New...) {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		from, to := evr(m.Old, n), evr(m.New, n)
		what := "changed"
		switch {
		case from == "-":
			what = "added"
		case to == "-":
			what = "removed"
		case slices.ContainsFunc(m.New, func(p manifest.Package) bool { return p.Name == n && p.File == "" }):
			what = "unchanged"
		}
		named := func(p manifest.Package) bool { return p.Name == n }
		if i := slices.IndexFunc(m.New, named); i >= 0 && m.New[i].Early {
			what += ", " + partText(true, false)
		}
		if i := slices.IndexFunc(m.Old, named); i >= 0 && m.Old[i].Late {
			what += ", " + partText(false, true)
		}
		rows = append(rows, []string{n, from, to, what})
	}
	return rows
}

func configRows(m *manifest.Manifest) [][]string {
	rows := [][]string{}
	for _, c := range m.Config {
		what := "merged"
		switch {
		case c.InPackage():
			what = "merged, %config of " + c.Package
		case c.Old == "":
			what = "new"
		case c.New == "":
			what = "removed"
		}
		rows = append(rows, []string{c.Target, c.Format, what})
	}
	return rows
}

func serviceRows(m *manifest.Manifest) [][]string {
	rows := [][]string{}
	for _, v := range m.Services {
		note := ""
		switch {
		case v.Door:
			note = "the door"
		case v.Only != "":
			note = "only in the " + string(v.Only) + " release"
		}
		rows = append(rows, []string{v.Unit, note})
	}
	return rows
}

func fileRows(m *manifest.Manifest) [][]string {
	rows := [][]string{}
	for _, f := range m.Files {
		rows = append(rows, []string{f.Path, size(f.Size), f.SHA256[:16]})
	}
	return rows
}
