package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/repo"
)

// gated decides for all bundles which channel they go to, before the first is published, and says why one
// is not in stable.
func gated(ctx context.Context, s *streams, r *repo.Repo, o PublishOptions, bundles []*repo.Local) ([]string, error) {
	key, err := r.Key(ctx)
	if err != nil {
		return nil, err
	}
	if o.Override != "" && (o.Channel == repo.Testing || strings.TrimSpace(o.Override) == "") {
		return nil, exit.Errorf(exit.Usage, "--override REASON, for the channel "+repo.Stable, "an override needs a reason, and %s needs none", repo.Testing)
	}
	var channels []string
	for _, l := range bundles {
		platforms, err := platformsOf(o.Project, l.Bundle.To)
		if err != nil {
			return nil, err
		}
		lacking, err := l.Certify(key, platforms)
		if err != nil {
			return nil, err
		}
		if o.Override != "" {
			l.OverrideCertification(o.Override, whoami(), time.Now())
		}
		channel, err := repo.ChannelFor(l, o.Channel)
		if err != nil {
			return nil, err
		}
		for _, lack := range lacking {
			notes(s)("%s goes to %s: %s", l.Bundle.NEVRA, channel, lack.Why)
		}
		channels = append(channels, channel)
	}
	return channels, nil
}

// platformsOf returns the platforms that a release names; none for one that the project does not know.
func platformsOf(project, version string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(project, "versions", version+".yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	cat, _, err := release.LoadRelease(project, version)
	if err != nil {
		return nil, err
	}
	return cat.Releases[0].Platforms, nil
}

// whoami is who runs the command and where, for the record.
func whoami() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return strings.TrimSuffix(cmp.Or(name, "unknown")+"@"+host, "@")
}
