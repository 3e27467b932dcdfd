package repodata_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/rpmpack"
)

// What headers are put together of at random: names, versions and flags that some
// rule of createrepo_c is about, and neighbours of them.
var (
	depNames = []string{
		"a", "b", "b&<c>\"", "p-é", "(a or b)", "rpmlib(Some)", "rpmlib", "", "/etc/mine", "/etc/other", "/usr/bin/mine", "/opt/mine",
		"libc.so.6", "libc.so.6()(64bit)", "libc.so.6(GLIBC_2.4)", "libc.so.6(GLIBC_2.4)(64bit)", "libc.so.6(GLIBC_2.14)(64bit)",
		"libc.so.6(GLIBC_2.3.4)(64bit)", "libc.so.6(GLIBC_PRIVATE)(64bit)", "libc.so.6(GLIBC_2.4", "libc.so.6(", "libc.so.6x",
	}
	depVersions = []string{"", "", "1", "1-2", "2:1-3", ":1", "x:1", "1:", "-", "1-", "1:-2", "1:2:3-4-5", "1~rc1^x-2", "a&b"}
	// No POSTTRANS and PRETRANS: since 1.1.1 createrepo_c calls what they require a
	// pre-requirement, and so is it done here; older ones do not.
	depBits = []uint32{1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 3, 1 << 6, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 19, 1 << 24, 1 << 27}
	// Names, flags and versions of each relation (rpmtag.h).
	depTags = [][3]int{
		{1049, 1048, 1050}, {1054, 1053, 1055}, {1090, 1114, 1115},
		{5046, 5048, 5047}, {5049, 5051, 5050}, {5052, 5054, 5053}, {5055, 5057, 5056}, {1156, 1158, 1157}, {1159, 1161, 1160},
	}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomPackage writes a package with relations, files and changelog at random.
func randomPackage(t *testing.T, dir string, seed int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	pack(t, dir, "random", fmt.Sprint(seed), func(p *rpmpack.RPM) {
		for range r.IntN(4) {
			p.Provides = append(p.Provides, &rpmpack.Relation{Name: pick(r, depNames[:8]), Version: pick(r, depVersions), Sense: rpmpack.SenseEqual})
		}
		for i, tags := range depTags {
			n := r.IntN(5)
			if i == 0 {
				n = r.IntN(30) // requirements are what most rules are about
			}
			names, versions, flags := make([]string, n), make([]string, n), make([]int32, n)
			for j := range n {
				names[j], versions[j] = pick(r, depNames), pick(r, depVersions)
				for range r.IntN(3) {
					flags[j] |= int32(pick(r, depBits))
				}
				if j > 0 && r.IntN(4) == 0 { // again, at times with other flags
					names[j], versions[j], flags[j] = names[j-1], versions[j-1], flags[j-1]|flags[j]&(1<<9)
				}
			}
			if n > 0 {
				p.AddCustomTag(tags[0], rpmpack.EntryStringSlice(names))
				p.AddCustomTag(tags[1], rpmpack.EntryInt32(flags))
				p.AddCustomTag(tags[2], rpmpack.EntryStringSlice(versions))
			}
		}
		n := r.IntN(15)
		times, authors, texts := make([]int32, n), make([]string, n), make([]string, n)
		for i := range n {
			times[i], authors[i], texts[i] = int32(1500000000-r.IntN(3)), pick(r, []string{"", " ", "A", "A  ", "Zoë <z@e.org> - 1"}), fmt.Sprintf("- %d & <x>\n\n", i)
		}
		if n > 0 {
			p.AddCustomTag(1080, rpmpack.EntryInt32(times))
			p.AddCustomTag(1081, rpmpack.EntryStringSlice(authors))
			p.AddCustomTag(1082, rpmpack.EntryStringSlice(texts))
		}
		for _, path := range []string{"/etc/mine", "/usr/bin/mine", "/opt/mine", "/opt/a\tb", "/usr/lib/sendmail", "/usr/lib/sendmail/x", "/etcetera", "/srv/cabin/x"} {
			if r.IntN(2) == 0 {
				p.AddFile(rpmpack.RPMFile{Name: path, Body: []byte("x"), Mode: pick(r, []uint{0o100644, 0o40755}), Type: pick(r, []rpmpack.FileType{rpmpack.GenericFile, rpmpack.GhostFile, rpmpack.ConfigFile})})
			}
		}
	})
}

// TestRandomSameAsCreaterepo compares packages that have everything in odd company.
func TestRandomSameAsCreaterepo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for seed := range 300 {
		randomPackage(t, dir, seed)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, dir, files)
}
