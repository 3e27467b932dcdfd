package packages

import (
	"context"
	"fmt"
	"strings"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/rpm"
)

// erase takes packages away, by NEVRA or name.
func (s *Set) erase(ctx context.Context, side manifest.Side, names []string) error {
	flags, err := s.scriptFlags(ctx, side)
	if err != nil {
		return err
	}
	args := append([]string{"-e", "--allmatches"}, flags...)
	args = append(args, "--")
	err = s.runner().Run(ctx, rpm.Transaction{Name: rpm.Erase, Args: append(args, names...)})
	s.changing()
	if err != nil {
		return fmt.Errorf("erase %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// scriptFlags returns which scriptlets rpm leaves out on the way to side. They
// hold for a whole transaction. On the way back none of the product's runs: an old scriptlet
// knows nothing of a newer release. Triggers that the host's other packages have
// for files do run, unless the product has triggers of its own.
func (s *Set) scriptFlags(ctx context.Context, side manifest.Side) ([]string, error) {
	if side == manifest.Old {
		triggers, err := s.HasTriggers()
		if err != nil {
			return nil, err
		}
		transaction, err := s.HasTransactionScriptlets()
		if err != nil {
			return nil, err
		}
		return s.RPM.WithoutScriptlets(ctx, rpm.Own{Triggers: triggers, Transaction: transaction})
	}
	var flags []string
	for _, kind := range []string{"pre", "post", "preun", "postun"} {
		for _, skip := range s.Manifest.Skip {
			if skip.Kind == kind {
				flags = append(flags, "--no"+kind)
				break
			}
		}
	}
	return flags, nil
}

// UpgradeArgs returns the arguments of the one transaction that leads to side,
// whatever is installed. --nosignature and --nodigest: Verify has compared the
// files with the manifest, which came with the signed bundle. So a host's policy
// about signatures is met by the bundle's, and rpm does not read them all again in the window. A rebuilt
// package has another payload than its vendor's digests are of; without these options rpm would refuse it.
func (s *Set) UpgradeArgs(ctx context.Context, side manifest.Side) ([]string, error) {
	return s.upgradeArgs(ctx, side, s.Path)
}

// TrialArgs returns those of the same transaction where no file is installed (--justdb, --test): for it packages need not
// be rebuilt.
func (s *Set) TrialArgs(ctx context.Context, side manifest.Side) ([]string, error) {
	return s.upgradeArgs(ctx, side, s.HeadPath)
}

func (s *Set) upgradeArgs(ctx context.Context, side manifest.Side, path func(file string) string) ([]string, error) {
	files, err := s.RPMs(side)
	if err != nil {
		return nil, err
	}
	flags, err := s.scriptFlags(ctx, side)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-U", "--oldpackage", "--replacepkgs", "--nosignature", "--nodigest"}, flags...)
	args = append(args, "--")
	for _, f := range files {
		args = append(args, path(f))
	}
	return args, nil
}
