package manifest_test

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

const golden = "testdata/manifest.json"

func sum(c string) string { return strings.Repeat(c, 64) }

// sample has every kind of thing a manifest can hold.
func sample() *manifest.Manifest {
	return &manifest.Manifest{
		Format: manifest.Format, Product: "Product <é> & Co", Prefix: "p-upgrade", From: "1.0", To: "2.0", Revision: 3,
		Date: "2017-11-20T00:00:00Z",
		Files: []manifest.File{
			{Path: "bin/engine", Size: 10, SHA256: sum("a"), Mode: 0o755},
			{Path: "config/new/etc/p.conf", Size: 1, SHA256: sum("b"), Mode: 0o644},
			{Path: "config/old/etc/p.conf", Size: 1, SHA256: sum("c"), Mode: 0o644},
			{Path: "hooks/x", Size: 2, SHA256: sum("f"), Mode: 0o755},
			{Path: "hooks/x-undo", Size: 3, SHA256: sum("0"), Mode: 0o755},
			{Path: "migrations/main/20001_expand_x.sql", Size: 1, SHA256: sum("d"), Mode: 0o644},
			{Path: "packages/a-2-1.noarch.rpm", Size: 7, SHA256: sum("2"), Mode: 0o644},
			{Path: "rollback/a-1-1.noarch.rpm", Size: 6, SHA256: sum("1"), Mode: 0o644},
			{Path: "rollback/undo.rpm", Size: 5, SHA256: sum("e"), Mode: 0o644},
		},
		Old: []manifest.Package{
			{ID: nevra.ID{Name: "a", Version: "1", Release: "1", Arch: "noarch"}, File: "rollback/a-1-1.noarch.rpm", SHA256: sum("1"), Size: 6, Installed: 60},
			{ID: nevra.ID{Name: "same", Epoch: 1, Version: "1~rc1^2", Release: "1", Arch: "x86_64"}, Optional: true, SHA256: sum("9"), Size: 9, Installed: 90},
		},
		New: []manifest.Package{
			{ID: nevra.ID{Name: "a", Version: "2", Release: "1", Arch: "noarch"}, File: "packages/a-2-1.noarch.rpm", SHA256: sum("2"), Size: 7, Installed: 70},
			{ID: nevra.ID{Name: "same", Epoch: 1, Version: "1~rc1^2", Release: "1", Arch: "x86_64"}, Optional: true, SHA256: sum("9"), Size: 9, Installed: 90},
		},
		Undo: "rollback/undo.rpm",
		Skip: []manifest.Scriptlet{{Package: "a-1-1", Kind: "postun", Why: "it deletes everything"}},
		Services: []manifest.Service{{
			Unit: "p", Only: manifest.New, Door: true, Verify: "p -t",
			Health: &manifest.Health{HTTP: "http://127.0.0.1/", Expect: manifest.Expect{Status: 200, JSON: map[string]string{"v": "2"}}, Within: manifest.Duration(90 * time.Second)},
		}},
		State: []string{"/opt/p/env"},
		Config: []manifest.Config{{
			Target: "/etc/p.conf", Format: "json", Old: "config/old/etc/p.conf", New: "config/new/etc/p.conf",
			Set: map[string]manifest.Value{
				"text": {Literal: "<a> & b"}, "empty": {Literal: ""}, "no": {Literal: false}, "int": {Literal: int64(9007199254740993)},
				"float": {Literal: 1.0}, "big": {Literal: 1e300}, "random": {Random: 32}, "copy": {Copy: "other.key"},
			},
			Policy: map[string]manifest.Side{"*": manifest.Old},
		}, {
			Target: "/etc/packaged.conf", Format: "text", Package: "p", Policy: map[string]manifest.Side{"*": manifest.New},
		}},
		Databases: []manifest.Database{{Name: "main", Migrations: "migrations/main"}},
		Limits:    manifest.Limits{Window: manifest.Duration(time.Minute), LockTimeout: manifest.Duration(3 * time.Second)},
		Hooks: manifest.Hooks{
			Switch: []manifest.Hook{{Run: "hooks/x", Undo: "hooks/x-undo", Timeout: manifest.Duration(time.Minute)}},
		},
		Agents: &manifest.Agents{
			API: "http://127.0.0.1/api", Headers: manifest.Headers{File: "/etc/p/headers"},
			Work:   manifest.AgentWork{Path: "works", Body: `{"group": "{group}"}`, Done: []string{"done"}, Failed: []string{"failed"}, Within: manifest.Duration(time.Minute)},
			Canary: 1, Batch: 5, Stop: 20,
		},
		Known: []manifest.Release{
			{Version: "1.0", Next: "2.0", Packages: []manifest.Known{{Name: "a", EVR: "0:1-1"}}},
			{Version: "2.0", Packages: []manifest.Known{{Name: "a", EVR: "0:2-1", Optional: true}}},
		},
	}
}

func encode(t testing.TB, m *manifest.Manifest) []byte {
	t.Helper()
	b, err := manifest.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The golden file holds the form still: a changed byte is a changed contract, and needs a new Format.
func TestGolden(t *testing.T) {
	t.Parallel()
	got := encode(t, sample())
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the canonical form changed; got:\n%s", got)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b := encode(t, sample())
	m, err := manifest.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, m); !bytes.Equal(b, again) {
		t.Errorf("not the same bytes:\n%s", again)
	}
	for k, want := range sample().Config[0].Set {
		if got := m.Config[0].Set[k]; !reflect.DeepEqual(got, want) {
			t.Errorf("set %s: got %#v, want %#v", k, got, want)
		}
	}
	if m.Drop != "" || m.Databases == nil || m.Known[1].Packages[0].EVR != "0:2-1" {
		t.Errorf("decoded wrongly: %+v", m)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	good := string(encode(t, sample()))
	for name, c := range map[string]struct{ old, new, want string }{
		"empty":             {good, "", "unexpected end"},
		"null":              {good, "null\n", "no format"},
		"list":              {good, "[]\n", "cannot unmarshal"},
		"truncated":         {good, good[:len(good)/2], "unexpected end"},
		"other format":      {`"format": 1`, `"format": 2`, "use the program that came with it"},
		"no format":         {"  \"format\": 1,\n", "", "no format"},
		"unknown key":       {`"undo"`, `"undoes"`, `unknown field "undoes"`},
		"key in other case": {`"undo"`, `"Undo"`, "not in canonical form"},
		"doubled key":       {`  "from": "1.0",`, "  \"from\": \"1.0\",\n  \"from\": \"1.0\",", "line 6 is not in canonical form"},
		"null list":         {`"drop": "",`, `"drop": null,`, "not in canonical form"},
		"no final newline":  {good, strings.TrimSuffix(good, "\n"), "not in canonical form"},
		"trailing bytes":    {good, good + "{}", "invalid character"},
		"trailing newline":  {good, good + "\n", "not in canonical form"},
		"spacing":           {`"from": "1.0"`, `"from":  "1.0"`, "not in canonical form"},
		"escapes":           {"é", `\u00e9`, "not in canonical form"},
		"invalid UTF-8":     {"é", "\xe9", "not in canonical form"},
		"number form":       {`"literal": 1.0`, `"literal": 1.00`, "not in canonical form"},
		"side":              {`"only": "new"`, `"only": "next"`, "neither old nor new"},
		"climbing path":     {"bin/engine", "../engine", "not a clean path"},
		"absolute path":     {"bin/engine", "/bin/engine", "not a clean path"},
		"dotted path":       {"bin/engine", "bin/./engine", "not a clean path"},
		"newline in path":   {"bin/engine", `bin/\nengine`, "not a clean path"},
		"itself":            {"bin/engine", "manifest.json", "cannot list itself"},
		"out of order":      {"bin/engine", "xbin/engine", "out of order"},
		"sha256":            {sum("a"), sum("A"), "is no sha256"},
		"short sha256":      {sum("a"), "aa", "is no sha256"},
		"setuid":            {`"mode": 493`, `"mode": 2541`, "permission bits"},
		"negative size":     {`"size": 10`, `"size": -10`, "size -10"},
		"package unlisted":  {`"file": "packages/a-2-1.noarch.rpm"`, `"file": "packages/b.rpm"`, "not among the files"},
		"package elsewhere": {`"file": "packages/a-2-1.noarch.rpm"`, `"file": "rollback/a-1-1.noarch.rpm"`, "differ from those of"},
		"package absent":    {`"file": "packages/a-2-1.noarch.rpm"`, `"file": ""`, "no file, and the other release"},
		"package name":      {`"name": "same"`, `"name": "../same"`, "as rpm has them"},
		"target":            {`"target": "/etc/p.conf"`, `"target": "/etc/../p.conf"`, "not a clean absolute path"},
		"state":             {`"/opt/p/env"`, `"/"`, "not a clean absolute path"},
		"unit":              {`"unit": "p"`, `"unit": "../p"`, "no unit of a product"},
		"date":              {`17-11-20T00:00:00Z`, `17-11-20T00:00:00+01:00`, "date"},
		"prefix":            {`"prefix": "p-upgrade"`, `"prefix": "../p"`, "prefix"},
		"long names":        {`"prefix": "p-upgrade"`, `"prefix": "pppppppppppppppppppppppppppppp"`, "34 characters together, more than 31"},
		"version":           {`"to": "2.0"`, `"to": "2/0"`, "is no version"},
		"migrations":        {`"migrations": "migrations/main"`, `"migrations": "migrations/mai"`, "no file lies in"},
		"known twice":       {"\"version\": \"2.0\",\n      \"next\"", "\"version\": \"1.0\",\n      \"next\"", "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := strings.Replace(good, c.old, c.new, 1)
			if bad == good {
				t.Fatalf("%q is not in the manifest", c.old)
			}
			_, err := manifest.Decode(strings.NewReader(bad))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestDecodeBound(t *testing.T) {
	t.Parallel()
	_, err := manifest.Decode(strings.NewReader(strings.Repeat(" ", manifest.MaxSize+1)))
	if err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

func TestFileAndFolder(t *testing.T) {
	t.Parallel()
	m := sample()
	m.Files = append([]manifest.File{{Path: "bin", SHA256: sum("a")}}, m.Files...)
	if _, err := manifest.Encode(m); err == nil || !strings.Contains(err.Error(), "is a file, not a folder") {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode holds the promise of the package: what is decoded encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Add(encode(f, &manifest.Manifest{Format: 1, Prefix: "p", From: "1", To: "2", Revision: 1, Date: "2017-01-01T00:00:00Z"}))
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := manifest.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := encode(t, m); !bytes.Equal(b, again) {
			t.Errorf("decoded %q, encoded %q", b, again)
		}
		for _, file := range m.Files {
			if !manifest.CleanPath(file.Path) {
				t.Errorf("path %q came through", file.Path)
			}
		}
	})
}
