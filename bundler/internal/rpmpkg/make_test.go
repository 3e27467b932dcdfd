package rpmpkg_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"onerpm/test/samplerpm"
)

// spec has some of everything that a header can say.
const spec = `
%global _build_id_links none
Name: sample
Epoch: 2
Version: 1.0^20240101.gabc
Release: 3%{?dist}
Summary: What a header can say
Summary(de): Was ein Kopf sagen kann
License: Apache-2.0
Vendor: Somebody
URL: https://example.com/sample
BuildArch: noarch
AutoReqProv: no
Requires: bash >= 0:4, (grep or sed), /bin/sh
Requires(post): coreutils
Requires: meta-thing > 1:2-3
Provides: virtual = 7, other = 1:2-3
Obsoletes: ancient < 2
Conflicts: enemy <= 5:0
Recommends: good >= 1
Suggests: fine
Suggests: fair < 3
Supplements: (big and small)
Enhances: great
%description
All of it.
%description -l de
Alles.
%install
mkdir -p %{buildroot}/opt/sample/sub %{buildroot}/etc
echo content > %{buildroot}/opt/sample/sub/file
ln %{buildroot}/opt/sample/sub/file %{buildroot}/opt/sample/hard
ln -s sub/file %{buildroot}/opt/sample/link
: > %{buildroot}/opt/sample/empty
head -c 100000 /dev/zero | tr '\0' x > "%{buildroot}/opt/sample/long, ä"
echo key=1 > %{buildroot}/etc/sample.conf
%pre -p <lua>
print("pre")
%post -p /sbin/ldconfig
%preun
echo gone
%postun
echo "$1"
%posttrans
true
%triggerin -- bash < 9
true
%files
%dir %attr(2750,root,adm) /opt/sample
/opt/sample/sub
%attr(4755,root,root) /opt/sample/hard
%caps(cap_net_bind_service=ep) /opt/sample/empty
"/opt/sample/long, ä"
/opt/sample/link
%config(noreplace) %verify(not md5 size mtime) /etc/sample.conf
%ghost /opt/sample/ghost
%changelog
* Mon Nov 20 2017 Somebody <somebody@example.com> - 1.0
- Made.
`

// payloads are rpmbuild's names of what it can compress with.
var payloads = map[string]string{
	"gzip": "w9.gzdio", "xz": "w2.xzdio", "zstd": "w3.zstdio", "bzip2": "w9.bzdio", "lzma": "w2.lzdio", "uncompressed": "w.ufdio",
}

// built returns a package that rpmbuild makes.
func built(t testing.TB, spec, payload string) []byte {
	return samplerpm.Read(t, samplerpm.Built(t, spec, payload))
}

// entry is a tag of a header made by hand.
type entry struct {
	tag   uint32
	value any // string, []string, []uint16, []uint32, []uint64; []int8 is a number of 8 bits
}

// header writes entries, in the order of their tags, as a whole region.
func header(region uint32, entries ...entry) []byte {
	var index, data []byte
	line := func(tag, typ uint32, offset, count int) {
		for _, v := range []uint32{tag, typ, uint32(offset), uint32(count)} {
			index = binary.BigEndian.AppendUint32(index, v)
		}
	}
	for _, e := range entries {
		align := func(n int) { data = append(data, make([]byte, -len(data)&(n-1))...) }
		switch v := e.value.(type) {
		case string:
			line(e.tag, 6, len(data), 1)
			data = append(append(data, v...), 0)
		case []string:
			line(e.tag, 8, len(data), len(v))
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case []int8:
			line(e.tag, 2, len(data), len(v))
			for _, n := range v {
				data = append(data, byte(n))
			}
		case []uint16:
			align(2)
			line(e.tag, 3, len(data), len(v))
			for _, n := range v {
				data = binary.BigEndian.AppendUint16(data, n)
			}
		case []uint32:
			align(4)
			line(e.tag, 4, len(data), len(v))
			for _, n := range v {
				data = binary.BigEndian.AppendUint32(data, n)
			}
		case []uint64:
			align(8)
			line(e.tag, 5, len(data), len(v))
			for _, n := range v {
				data = binary.BigEndian.AppendUint64(data, n)
			}
		}
	}
	count, offset := len(entries)+1, len(data)
	all := index
	index = nil
	line(region, 7, -16*count, 16) // the trailer
	data = append(data, index...)
	index = nil
	line(region, 7, offset, 16)
	b := []byte("\x8e\xad\xe8\x01\x00\x00\x00\x00")
	b = binary.BigEndian.AppendUint32(b, uint32(count))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return bytes.Join([][]byte{b, index, all, data}, nil)
}

// file puts a lead and a signature header with the digest that all packages have before a main header.
func file(main, payload []byte) []byte {
	lead := make([]byte, 96)
	copy(lead, "\xed\xab\xee\xdb\x03\x00")
	lead[79] = 5
	sum := sha256.Sum256(main)
	signature := header(62, entry{273, hex.EncodeToString(sum[:])})
	return bytes.Join([][]byte{lead, signature, make([]byte, -len(signature)&7), main, payload}, nil)
}

var identity = []entry{{1000, "sample"}, {1001, "1"}, {1002, "1"}, {1021, "linux"}, {1022, "noarch"}}

// format6 returns a package as rpm 6 makes them: sizes have 64 bits, entries of the payload have
// no head of their own but a number in the header's list, and the signature header has no sizes.
func format6(t testing.TB) []byte {
	t.Helper()
	var payload bytes.Buffer
	z := gzip.NewWriter(&payload)
	// Of two names of one file the last has the content. The third file is a ghost.
	fmt.Fprint(z, "07070X00000000\x00\x00", "07070X00000001\x00\x00", "content\n", "07070X00000003\x00\x00", "07070X00000004\x00\x00", "twice\x00\x00\x00", "07070X00000005\x00\x00", "file",
		"070701", "0000000000000000000000000000000000000001", "0000000000000000000000000000000000000000000000000000000b00000000", "TRAILER!!!\x00\x00\x00\x00")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := func(b string) string {
		s := sha256.Sum256([]byte(b))
		return hex.EncodeToString(s[:])
	}
	times := []uint32{1500000000, 1500000000, 1500000000, 1500000000, 1500000000, 1500000000}
	main := header(63, append(identity[:5:5],
		entry{1030, []uint16{0o40755, 0o100644, 0o100644, 0o100644, 0o100644, 0o120777}}, entry{1034, times},
		entry{1035, []string{"", sum("content\n"), "", sum("twice"), sum("twice"), ""}}, entry{1036, []string{"", "", "", "", "", "file"}},
		entry{1037, []uint32{0, 1, 64, 0, 0, 0}},
		entry{1039, []string{"root", "root", "root", "root", "root", "root"}}, entry{1040, []string{"root", "adm", "root", "root", "root", "root"}},
		entry{1047, []string{"sample"}}, entry{1095, []uint32{1, 1, 1, 1, 1, 1}}, entry{1096, []uint32{1, 2, 3, 4, 4, 5}}, entry{1112, []uint32{8}}, entry{1113, []string{"1-1"}},
		entry{1116, []uint32{0, 1, 1, 1, 1, 1}}, entry{1117, []string{"sample", "file", "ghost", "hard", "hard2", "link"}}, entry{1118, []string{"/opt/", "/opt/sample/"}},
		entry{1124, "cpio"}, entry{1125, "gzip"}, entry{1126, "9"},
		entry{5008, []uint64{0, 8, 0, 5, 5, 4}}, entry{5009, []uint64{17}}, entry{5011, []uint32{8}}, entry{5062, "utf-8"},
		entry{5092, []string{sum(payload.String())}}, entry{5093, []uint32{8}}, entry{5114, []uint32{6}})...)
	return file(main, payload.Bytes())
}
