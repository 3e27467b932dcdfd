package pack

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/rpmpack"

	"onerpm/bundler/internal/rpmpkg"
)

// Meta is what an rpm says of itself.
type Meta struct {
	Name, Version, Release, Arch string
	Summary, Description         string
	License, Vendor, URL, Group  string
	Time                         time.Time // of the build, and of every file
	Obsoletes                    []rpmpkg.Dep
	Change                       string // the first entry of the changelog; "" for none
	Notes                        string // the second one, as it is; "" for none
	Scripts                      Scripts
	Large                        bool // in the form that has sizes of 64 bits
}

// Scripts are the scriptlets' texts for /bin/sh; "" for none.
type Scripts struct{ Pre, Post, Postun, Posttrans string }

func (s Scripts) addTo(r *rpmpack.RPM) {
	r.AddPrein(s.Pre)
	r.AddPostin(s.Post)
	r.AddPostun(s.Postun)
	r.AddPosttrans(s.Posttrans)
}

// Flags of a dependency (lib/rpmds.h of rpm).
const (
	senseLessEqual = 1<<1 | 1<<3
	senseRpmlib    = 1 << 24
	senseInterp    = 1 << 8
	sensePosttrans = 1 << 5
	sensePre       = 1 << 9
	sensePost      = 1 << 10
	sensePostun    = 1 << 12
)

func (m Meta) rpmpack() rpmpack.RPMMetaData {
	d := rpmpack.RPMMetaData{
		Name: m.Name, Version: m.Version, Release: m.Release, Epoch: rpmpack.NoEpoch, Arch: m.Arch,
		Summary: m.Summary, Description: m.Description, Licence: m.License, Vendor: m.Vendor,
		URL: m.URL, Group: m.Group, Packager: m.Vendor, BuildTime: m.Time, BuildHost: "reproducible", Compressor: "gzip",
		Requires: rpmpack.Relations{
			{Name: "rpmlib(CompressedFileNames)", Version: "3.0.4-1", Sense: senseRpmlib | senseLessEqual},
			{Name: "rpmlib(FileDigests)", Version: "4.6.0-1", Sense: senseRpmlib | senseLessEqual},
			{Name: "rpmlib(PayloadFilesHavePrefix)", Version: "4.0-1", Sense: senseRpmlib | senseLessEqual},
		},
	}
	if m.Large {
		d.Requires = append(rpmpack.Relations{{Name: largeFeature, Version: largeVersion, Sense: senseRpmlib | senseLessEqual}}, d.Requires...)
	}
	if m.Scripts != (Scripts{}) {
		d.Requires = append(rpmpack.Relations{
			{Name: "/bin/sh", Sense: senseInterp | sensePre | sensePost | sensePostun | sensePosttrans},
		}, d.Requires...)
	}
	for _, o := range m.Obsoletes {
		r := &rpmpack.Relation{Name: o.Name, Version: o.EVR}
		if o.Flags&rpmpkg.DepEqual != 0 {
			r.Sense = rpmpack.SenseEqual
		}
		d.Obsoletes = append(d.Obsoletes, r)
	}
	return d
}

// entry is a file or folder on the host.
type entry struct {
	path  string // absolute
	dir   bool
	ghost bool // owned by the package and not in it: %post makes it
	mtime time.Time
	File  // Path is not used; a folder has a mode only
}

// fileMode returns the mode with the bits of the kind.
func (e entry) fileMode() uint32 {
	if e.dir {
		return modeDir | e.Mode
	}
	return modeFile | e.Mode
}

// sorted orders entries as rpm wants them: by path, byte by byte.
func sorted(entries []entry) []entry {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return entries
}

// folders returns the entries of every folder from root down that the files need.
func folders(root string, files []entry, mtime time.Time) []entry {
	seen := map[string]bool{}
	var out []entry
	for _, f := range files {
		for d := path.Dir(f.path); len(d) >= len(root) && !seen[d]; d = path.Dir(d) {
			seen[d] = true
			e := entry{path: d, dir: true, mtime: mtime}
			e.Mode = 0o755
			out = append(out, e)
		}
	}
	return out
}
