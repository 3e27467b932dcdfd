package hostcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/redact"
	"onerpm/payload-scripts/internal/files"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/layout"
	"onerpm/payload-scripts/internal/memory"
	"onerpm/payload-scripts/internal/mountns"
	"onerpm/payload-scripts/internal/programs"
	"onerpm/payload-scripts/internal/service"
)

// verifyTimeout bounds one run of a unit's verify.
const verifyTimeout = time.Minute

// verifyRoom is what the merged configuration takes at most, in bytes.
const verifyRoom = 16 << 20

// verifyFindings runs the verify of the units that serve, first on the host's configuration as it is: a mistake in
// a file that was not loaded yet would keep the unit down on either way. Then it shows the
// same program the configuration as the upgrade will have it.
func verifyFindings(ctx context.Context, b *layout.Bundle) []finding.Finding {
	units, err := verified(ctx, b)
	if err != nil {
		return verifyFailed(err)
	}
	var out []finding.Finding
	var sound []manifest.Service
	for _, u := range units {
		words := strings.Fields(u.Verify)
		_, err := programs.Run(ctx, programs.Cmd{Name: words[0], Args: words[1:], Timeout: verifyTimeout, Scope: true})
		if err == nil {
			sound = append(sound, u)
			continue
		}
		out = append(out, finding.Finding{ID: "verify-fails", Level: finding.Refuse,
			What: fmt.Sprintf("%s fails now, so that %s could not be started again, neither after the upgrade nor on the way back: %s", u.Verify, u.Unit, output(err)),
			Do:   "correct what it names, then check again"})
	}
	if len(sound) == 0 {
		return out
	}
	more, err := mergedFindings(ctx, b, sound)
	if err != nil {
		return append(out, verifyFailed(err)...)
	}
	return append(out, more...)
}

// verified are the units with a verify that serve now.
func verified(ctx context.Context, b *layout.Bundle) ([]manifest.Service, error) {
	with := slices.DeleteFunc(slices.Clone(b.Manifest.Services), func(u manifest.Service) bool {
		return strings.TrimSpace(u.Verify) == "" || u.Only == manifest.New
	})
	if len(with) == 0 {
		return nil, nil
	}
	s, err := service.Connect(ctx, b.Manifest, b.Places())
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var serving []manifest.Service
	for _, u := range with {
		serves, err := s.Serves(ctx, u.Unit)
		if err != nil {
			return nil, err
		}
		if serves {
			serving = append(serving, u)
		}
	}
	return serving, nil
}

func mergedFindings(ctx context.Context, b *layout.Bundle, units []manifest.Service) ([]finding.Finding, error) {
	scratch, err := memory.Folder(b.Manifest.Prefix+"-verify-", verifyRoom)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // memory; the next check removes what is left
	merged := filepath.Join(scratch, "merged")
	if err := os.Mkdir(merged, 0o700); err != nil {
		return nil, err
	}
	changes, err := Merge(ctx, b, merged)
	if err != nil {
		return nil, nil //nolint:nilerr // a merge that cannot be made is a finding of its own
	}
	var out []finding.Finding
	for i, u := range units {
		words := strings.Fields(u.Verify)
		if inBundle(ctx, b.Manifest, words[0]) {
			continue // the new release's program judges it, and that is not there yet
		}
		layers := filepath.Join(scratch, fmt.Sprint("view", i))
		if err := os.Mkdir(layers, 0o700); err != nil {
			return nil, err
		}
		_, err := mountns.Run(ctx, layers, replaced(merged, changes), programs.Cmd{Name: words[0], Args: words[1:], Timeout: verifyTimeout, Scope: true})
		if err == nil || errors.Is(err, mountns.ErrCannot) || ctx.Err() != nil || early(err) {
			continue // right before the commit it is run again
		}
		out = append(out, finding.Finding{ID: "verify-fails-merged", Level: finding.Refuse,
			What: fmt.Sprintf("with the configuration of %s, merged with this host's, %s fails, so that %s could not be started: %s", b.Manifest.To, u.Verify, u.Unit, output(err)),
			Do:   "correct this host's part of what it names (rehearse shows the merged files' changes), then check again"})
	}
	return out, nil
}

// replaced are the files that change, as the merge has them.
func replaced(merged string, changes []files.FileChange) []mountns.Replace {
	var out []mountns.Replace
	for _, c := range changes {
		switch c.Did {
		case files.Unchanged, files.Kept:
		case files.Removed:
			out = append(out, mountns.Replace{Path: c.Target})
		default:
			out = append(out, mountns.Replace{Path: c.Target, With: files.MergedFile(merged, c.Target)})
		}
	}
	return out
}

// early tells whether a verify missed something that only the upgrade brings: a file of the new
// packages, or what a hook makes.
func early(err error) bool { return strings.Contains(err.Error(), "No such file or directory") }

// inBundle tells whether a program belongs to a package that the bundle brings.
func inBundle(ctx context.Context, m *manifest.Manifest, program string) bool {
	path, err := programs.Find(program)
	if err != nil {
		return false
	}
	res, err := programs.Run(ctx, programs.Cmd{Name: "rpm", Args: []string{"-q", "--qf", `%{NAME}\n`, "-f", "--", path}, Timeout: verifyTimeout})
	if err != nil {
		return false // it belongs to none
	}
	for name := range strings.Lines(res.Stdout) {
		for _, p := range m.New {
			if p.File != "" && p.Name == strings.TrimSpace(name) {
				return true
			}
		}
	}
	return false
}

// maxSaid bounds what a finding shows of a program's words, in bytes.
const maxSaid = 1000

// output is what a program said, without secrets.
func output(err error) string {
	text := redact.Prose(err.Error())
	if len(text) > maxSaid {
		text = text[:maxSaid] + "..."
	}
	return text
}

func verifyFailed(err error) []finding.Finding {
	return []finding.Finding{{ID: "check-failed", Level: finding.Refuse,
		What: "could not find out whether the door's configuration is valid: " + err.Error(), Do: "remove the cause, then check again"}}
}
