package rpmpkg_test

import (
	"bytes"
	"crypto"
	"errors"
	"strings"
	"testing"

	"onerpm/bundler/internal/rpmpkg"
	"onerpm/internal/rpmfile"
)

// asGuard compares what the library says with the tags that the guard has checked, which are what the engine reads.
func asGuard(t *testing.T, p *rpmpkg.Package) {
	t.Helper()
	for what, pair := range map[string][2]string{
		"name": {p.Lib.Name(), p.Name}, "version": {p.Lib.Version(), p.Version}, "release": {p.Lib.Release(), p.Release}, "arch": {p.Lib.Architecture(), p.Arch},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: the library has %q, the guard %q", what, pair[0], pair[1])
		}
	}
	size, ok := p.Main.Int(5009)
	if !ok {
		size, _ = p.Main.Int(1009)
	}
	if uint64(p.InstalledSize()) != size {
		t.Errorf("the library has a size of %d, the guard of %d", p.InstalledSize(), size)
	}
	filesAsGuard(t, p)
	for _, r := range []struct {
		name                   string
		got                    []rpmpkg.Dep
		names, flags, versions rpmfile.Tag
	}{
		{"provides", p.Provides(), 1047, 1112, 1113},
		{"requires", p.Requires(), 1049, 1048, 1050},
		{"conflicts", p.Conflicts(), 1054, 1053, 1055},
		{"obsoletes", p.Obsoletes(), 1090, 1114, 1115},
	} {
		names := p.Main.Strings(r.names)
		if len(r.got) != len(names) {
			t.Errorf("%s: the library has %d, the guard %d", r.name, len(r.got), len(names))
			continue
		}
		for i, got := range r.got {
			if want := (rpmpkg.Dep{Name: names[i], Flags: rpmpkg.DepFlags(number(p, r.flags, i)), EVR: text(p, r.versions, i)}); got != want {
				t.Errorf("%s: the library has %+v, the guard %+v", r.name, got, want)
			}
		}
	}
}

func filesAsGuard(t *testing.T, p *rpmpkg.Package) {
	t.Helper()
	files, paths := p.Files(), p.Main.Strings(rpmfile.TagOldFileNames)
	for i, base := range p.Main.Strings(rpmfile.TagBaseNames) {
		paths = append(paths, text(p, rpmfile.TagDirNames, int(number(p, rpmfile.TagDirIndexes, i)))+base)
	}
	if len(files) != len(paths) {
		t.Errorf("the library has %d files, the guard %d", len(files), len(paths))
		return
	}
	sizes := rpmfile.TagFileSizes
	if p.Main.Has(rpmfile.TagLongFileSizes) {
		sizes = rpmfile.TagLongFileSizes
	}
	algo := crypto.MD5
	if v, ok := p.Main.Int(rpmfile.TagFileDigestAlgo); ok {
		algo = rpmfile.Hashes[v]
	}
	for i, f := range files {
		want := rpmfile.FileInfo{
			Path: paths[i], Mode: uint32(number(p, rpmfile.TagFileModes, i)), Size: int64(number(p, sizes, i)),
			Digest: text(p, rpmfile.TagFileDigests, i), DigestAlgo: algo, Flags: rpmfile.FileFlags(number(p, rpmfile.TagFileFlags, i)),
			User: text(p, rpmfile.TagFileUserName, i), Group: text(p, rpmfile.TagFileGroupName, i), Caps: text(p, rpmfile.TagFileCaps, i),
			LinkTo: text(p, rpmfile.TagFileLinkTos, i), Inode: number(p, rpmfile.TagFileInodes, i), Device: number(p, rpmfile.TagFileDevices, i),
		}
		if at := number(p, rpmfile.TagFileMTimes, i); f.MTime.Unix() != int64(at) {
			t.Errorf("%s: the library has the time %s, the guard %d", f.Path, f.MTime, at)
		}
		if f.MTime = want.MTime; f != want {
			t.Errorf("the library has the file\n%+v\nthe guard\n%+v", f, want)
		}
	}
}

// number returns a number of a list, 0 where the header has no such list.
func number(p *rpmpkg.Package, tag rpmfile.Tag, i int) uint64 {
	if list := p.Main.Ints(tag); list != nil {
		return list[i]
	}
	return 0
}

func text(p *rpmpkg.Package, tag rpmfile.Tag, i int) string {
	if list := p.Main.Strings(tag); list != nil {
		return list[i]
	}
	return ""
}

// What the guard leaves to the bundler is refused before the library sees it.
func TestRefusedBeforeTheLibrary(t *testing.T) {
	t.Parallel()
	for want, more := range map[string][]entry{
		"tag 1048 has 1 values where tag 1049 has 2":            {{1048, []uint32{1}}, {1049, []string{"a", "b"}}},
		"tag 1113 has 3 values where tag 1047 has 0":            {{1113, []string{"1", "2", "3"}}},
		"tag 1004: 1 values of type 4, which it cannot have":    {{1004, []uint32{1}}},
		"tag 1023: 2 values of type 8, which it cannot have":    {{1023, []string{"a", "b"}}},
		"tag 1048: 1 values of type 6, which it cannot have":    {{1048, "8"}, {1049, "a"}},
		"tag 1009: a size of 18446744073709551615":              {{1009, []uint64{1<<64 - 1}}},
		"tag 5009: a size of 9223372036854775808":               {{5009, []uint64{1 << 63}}},
		"tag 1069: 1 values of type 6, which it cannot have":    {{1069, "0"}},
		"tag 1067 has 2 values where tag 1066 has 1":            {{1066, "a"}, {1067, []string{"1", "2"}}},
		"a trigger runs script 1 of 1":                          {{5066, "true"}, {5070, []uint32{1}}, {5069, "/etc"}},
		"tag 5067 has 2 values where tag 5066 has 1":            {{5066, "true"}, {5067, []string{"/bin/sh", "/bin/sh"}}},
		"signature: tag 1004: 1 values of type 6, which it can": nil,
	} {
		pkg := file(header(63, append(identity[:5:5], more...)...), nil)
		if more == nil {
			main := header(63, identity...)
			signature := header(62, entry{1004, "no digest"})
			pkg = bytes.Join([][]byte{pkg[:96], signature, make([]byte, -len(signature)&7), main}, nil)
		}
		_, err := rpmpkg.Read(bytes.NewReader(pkg))
		var format *rpmfile.FormatError
		if !errors.As(err, &format) || !strings.HasPrefix(err.Error(), "damaged rpm: header: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
