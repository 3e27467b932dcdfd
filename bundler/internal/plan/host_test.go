package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/bundler/internal/plan"
	"onerpm/bundler/internal/release"
	"onerpm/bundler/internal/rpmtest"
)

type files = map[string]string

// What lies at a path may not become a folder, and a folder may become nothing else: each
// of these was tried with rpm 4.18, there and back.
func TestCheckFileTypes(t *testing.T) {
	t.Parallel()
	one := func(name, evr string, f files) []pkg { return []pkg{{name: name, evr: evr, files: f}} }
	tests := []struct {
		name     string
		old, new []pkg
		want     string
	}{
		{"nothing changes its type", one("a", "1-1", files{"/opt/d": "dir", "/opt/d/f": "x", "/opt/l": "link d"}),
			one("a", "2-1", files{"/opt/d": "dir", "/opt/d/f": "y", "/opt/l": "link e"}), ""},
		{"a file becomes a link", one("a", "1-1", files{"/opt/f": "x"}), one("a", "2-1", files{"/opt/f": "link d"}), ""},
		{"a link becomes a file", one("a", "1-1", files{"/opt/f": "link d"}), one("a", "2-1", files{"/opt/f": "x"}), ""},
		{"a folder becomes a link", one("a", "1-1", files{"/opt/d": "dir"}), one("a", "2-1", files{"/opt/d": "link e"}),
			"a-2-1: /opt/d is a symbolic link, and was a folder in a-1-1"},
		{"a folder becomes a file", one("a", "1-1", files{"/opt/d": "dir"}), one("a", "2-1", files{"/opt/d": "x"}),
			"a-2-1: /opt/d is a file, and was a folder in a-1-1"},
		{"a link becomes a folder", one("a", "1-1", files{"/opt/d": "link e"}), one("a", "2-1", files{"/opt/d": "dir"}),
			"a-2-1: /opt/d is a folder, and was a symbolic link in a-1-1"},
		{"a file becomes a folder", one("a", "1-1", files{"/opt/d": "x"}), one("a", "2-1", files{"/opt/d": "dir"}),
			"a-2-1: /opt/d is a folder, and was a file in a-1-1"},
		{"a folder that no package owns becomes a link", one("a", "1-1", files{"/opt/p/d/f": "x"}), one("a", "2-1", files{"/opt/p/d": "link e"}),
			"a-2-1: /opt/p/d is a symbolic link, and was a folder in a-1-1"},
		{"a file is written through the old link", one("a", "1-1", files{"/opt/p/d": "link e"}), one("a", "2-1", files{"/opt/p/d/f": "x"}),
			"a-2-1: /opt/p/d is a folder, and was a symbolic link in a-1-1"},
		{"in another package", one("a", "1-1", files{"/opt/d": "dir"}), one("b", "1-1", files{"/opt/d": "link e"}),
			"b-1-1: /opt/d is a symbolic link, and was a folder in a-1-1"},
		{"of a package that stays", []pkg{{name: "a", evr: "1-1", files: files{"/opt/d": "dir"}}, {name: "b", evr: "1-1"}},
			[]pkg{{name: "a", evr: "1-1", files: files{"/opt/d": "dir"}}, {name: "b", evr: "2-1", files: files{"/opt/e": "link d"}}}, ""},
		{"several, in order", one("a", "1-1", files{"/opt/y": "dir", "/opt/x": "link e"}), one("a", "2-1", files{"/opt/y": "x", "/opt/x/f": "x"}),
			"a-2-1: /opt/x is a folder, and was a symbolic link in a-1-1\na-2-1: /opt/y is a file, and was a folder in a-1-1"},
		{"a ghost is not installed", one("a", "1-1", files{"/opt/d": "dir", "/opt/g": "ghost"}), one("a", "2-1", files{"/opt/d": "ghost", "/opt/g": "dir"}), ""},
	}
	for _, tt := range tests {
		if _, got := check(t, tt.old, tt.new, nil); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Everything that rpm runs in the transaction must be declared, but for what every package
// has: of that one warning for each package tells.
func TestCheckAsksAboutEveryScriptlet(t *testing.T) {
	t.Parallel()
	const undeclared = ", and the spec does not say whether it may"
	tests := []struct {
		kind     string
		old, new string // what is said of the scriptlet in the old and in the new package; "" for nothing, "warning" for one
	}{
		{"pretrans", "", "runs before the transaction, and in none of the trials on a copy of rpm's database" + undeclared},
		{"pre", "", "warning"},
		{"post", "", "warning"},
		{"preun", "warning", "warning"},
		{"postun", "runs last in the upgrade" + undeclared, "runs when a killed transaction is repeated with rpm 4.16 or later" + undeclared},
		{"posttrans", "", "runs when all packages are there" + undeclared},
		{"preuntrans", "runs before the transaction" + undeclared, "runs when a killed transaction is repeated with rpm 4.16 or later" + undeclared},
		{"postuntrans", "runs after the transaction" + undeclared, "runs when a killed transaction is repeated with rpm 4.16 or later" + undeclared},
	}
	say := func(v *plan.Verdict, problems string) string {
		if problems == "" && len(v.Warnings) == 1 {
			return v.Warnings[0].Package + " warning: " + v.Warnings[0].What
		}
		return problems
	}
	for _, tt := range tests {
		for _, side := range []struct {
			nvr, want string
			old, new  pkg
		}{
			{"a-1-1", tt.old, pkg{name: "a", evr: "1-1", scripts: files{tt.kind: "echo"}}, pkg{name: "a", evr: "2-1"}},
			{"a-2-1", tt.new, pkg{name: "a", evr: "1-1"}, pkg{name: "a", evr: "2-1", scripts: files{tt.kind: "echo"}}},
		} {
			want := side.want
			switch want {
			case "":
			case "warning":
				want = side.nvr + " warning: its %" + tt.kind + " runs in the upgrade, and the spec does not say that it was looked at; the way back undoes nothing that it does outside of files, state and schema"
			default:
				want = side.nvr + ": its %" + tt.kind + " " + want
			}
			if got := say(check(t, []pkg{side.old}, []pkg{side.new}, nil)); got != want {
				t.Errorf("%s of %s:\ngot  %s\nwant %s", tt.kind, side.nvr, got, want)
			}
			if side.want == "" {
				continue
			}
			keep := func(s *release.Spec) {
				s.Packages.Keep = map[string]map[string]string{side.nvr: {tt.kind: "harmless"}}
			}
			if got := say(check(t, []pkg{side.old}, []pkg{side.new}, keep)); got != "" {
				t.Errorf("%s of %s, kept: %s", tt.kind, side.nvr, got)
			}
			idle := side
			for _, p := range []*pkg{&idle.old, &idle.new} {
				if p.scripts != nil {
					p.scripts = files{tt.kind: "# nothing\nexit 0\n"}
				}
			}
			if got := say(check(t, []pkg{idle.old}, []pkg{idle.new}, nil)); got != "" {
				t.Errorf("%s of %s that does nothing: %s", tt.kind, side.nvr, got)
			}
		}
	}
}

// Lua of rpm's own that moves files is asked about whatever its kind.
func TestCheckLua(t *testing.T) {
	t.Parallel()
	for body, asked := range map[string]bool{
		`print("hello")`:                        false,
		`os.rename("/opt/a", "/opt/b")`:         true,
		`posix.symlink("b", "/opt/a")`:          true,
		`os.execute("rm -rf /opt/a")`:           true,
		`rpm.execute("/bin/rm", "/opt/a")`:      true,
		`local f = io.open("/opt/a", "w")`:      true,
		`local f = io.open("/opt/a")`:           false,
		`if posix.stat("/opt/a") then x() end`:  false,
		`xos.renamed("a")`:                      false,
		`posix.unlink("/opt/a") os.remove("b")`: true,
	} {
		_, got := check(t, []pkg{{name: "a", evr: "1-1"}}, []pkg{{name: "a", evr: "2-1", scripts: files{"post": "-p <lua>\n" + body}}}, nil)
		want := ""
		if asked {
			want = "a-2-1: its %post runs when its files are there, and the spec does not say whether it may"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func trigger(kind, on, body string) rpmtest.Trigger {
	return rpmtest.Trigger{Kind: kind, On: on, Body: body}
}

func TestCheckTriggers(t *testing.T) {
	t.Parallel()
	with := func(name, evr string, tr ...rpmtest.Trigger) pkg { return pkg{name: name, evr: evr, triggers: tr} }
	plain := func(name, evr string) pkg { return pkg{name: name, evr: evr} }
	sets := func(p ...pkg) []pkg { return p }
	tests := []struct {
		name     string
		old, new []pkg
		want     string // package: kind when, without the rest
	}{
		{"old one, when another goes", sets(with("h", "1-1", trigger("triggerpostun", "base", "rm")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")),
			"h-1-1: its %triggerpostun runs when base-1-1 goes"},
		{"old one, when another comes", sets(with("h", "1-1", trigger("triggerin", "base", "rm")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")),
			"h-1-1: its %triggerin runs when base-2-1 comes"},
		{"before another comes", sets(plain("h", "1-1"), plain("base", "1-1")), sets(with("h", "2-1", trigger("triggerprein", "base", "x")), plain("base", "2-1")),
			"h-2-1: its %triggerprein runs when base-2-1 comes"},
		{"new one, when another goes", sets(plain("h", "1-1"), plain("base", "1-1")), sets(with("h", "2-1", trigger("triggerun", "base", "x")), plain("base", "2-1")),
			"h-2-1: its %triggerun runs when base-1-1 goes"},
		{"of a package that stays", sets(with("h", "1-1", trigger("triggerun", "base", "x")), plain("base", "1-1")), sets(with("h", "1-1", trigger("triggerun", "base", "x")), plain("base", "2-1")),
			"h-1-1: its %triggerun runs when base-1-1 goes"},
		{"of a package that stays, for one that stays", sets(with("h", "1-1", trigger("triggerun", "base", "x")), plain("base", "1-1"), plain("c", "1-1")),
			sets(with("h", "1-1", trigger("triggerun", "base", "x")), plain("base", "1-1"), plain("c", "2-1")), ""},
		{"a version that is not in the jump", sets(with("h", "1-1", trigger("triggerun", "base < 0.5", "x")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")), ""},
		{"a version that is", sets(with("h", "1-1", trigger("triggerun", "base <= 1", "x")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")),
			"h-1-1: its %triggerun runs when base-1-1 goes"},
		{"for a package of the host, of one that moves", sets(plain("h", "1-1")), sets(with("h", "2-1", trigger("triggerin", "glibc", "x"))),
			"h-2-1: its %triggerin runs when h-2-1 comes and the host has glibc"},
		{"for a package of the host that goes", sets(with("h", "1-1", trigger("triggerun", "glibc", "x"))), sets(plain("h", "2-1")),
			"h-1-1: its %triggerun runs when h-1-1 goes and the host has glibc"},
		{"after a package of the host has gone, which it does not", sets(with("h", "1-1", trigger("triggerpostun", "glibc", "x"))), sets(plain("h", "2-1")), ""},
		{"for a package of the host, of one that stays", sets(with("h", "1-1", trigger("triggerin", "glibc", "x")), plain("c", "1-1")), sets(with("h", "1-1", trigger("triggerin", "glibc", "x")), plain("c", "2-1")), ""},
		{"files that come", sets(plain("h", "1-1")), sets(with("h", "2-1", trigger("filetriggerin", "/usr/lib", "x")), pkg{name: "b", evr: "1-1", files: files{"/usr/lib/b.so": "x"}}),
			"h-2-1: its %filetriggerin runs when a file below /usr/lib comes"},
		{"files that go", sets(with("h", "1-1", trigger("transfiletriggerpostun", "/opt", "x")), pkg{name: "b", evr: "1-1", files: files{"/opt/b": "x"}}), sets(plain("h", "2-1")),
			"h-1-1: its %transfiletriggerpostun runs when a file below /opt goes"},
		{"files of the host", sets(plain("h", "1-1")), sets(with("h", "2-1", trigger("transfiletriggerin", "/usr/lib", "x"))),
			"h-2-1: its %transfiletriggerin runs when h-2-1 comes and the host has /usr/lib"},
		{"one that does nothing", sets(with("h", "1-1", trigger("triggerun", "base", "# nothing\n:")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")), ""},
		{"two of a kind are asked about once", sets(with("h", "1-1", trigger("triggerun", "base", "x"), trigger("triggerun", "base", "y")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")),
			"h-1-1: its %triggerun runs when base-1-1 goes"},
	}
	for _, tt := range tests {
		_, got := check(t, tt.old, tt.new, nil)
		want := tt.want
		if want != "" {
			want += ", and the spec does not say whether it may"
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
		}
		if tt.want == "" {
			continue
		}
		nvr, rest, _ := strings.Cut(tt.want, ": its %")
		kind, _, _ := strings.Cut(rest, " ")
		keep := func(s *release.Spec) {
			s.Packages.Keep = map[string]map[string]string{nvr: {kind: "read"}}
		}
		if _, got := check(t, tt.old, tt.new, keep); got != "" {
			t.Errorf("%s, kept: %s", tt.name, got)
		}
	}
	// One that is kept and never runs is a line too many.
	_, got := check(t, sets(with("h", "1-1", trigger("triggerun", "base < 0.5", "x")), plain("base", "1-1")), sets(plain("h", "2-1"), plain("base", "2-1")), func(s *release.Spec) {
		s.Packages.Keep = map[string]map[string]string{"h-1-1": {"triggerun": "read", "triggerin": "read"}, "base-1-1": {"filetriggerin": "read"}}
	})
	want := "base-1-1: packages.keep lists its %filetriggerin, but it has none\nh-1-1: packages.keep lists its %triggerin, but it has none\nh-1-1: packages.keep lists its %triggerun, which nothing in this jump fires"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What a scriptlet leaves of a package's file is taken for right by the engine, so that no
// digest proves it: check warns.
func TestCheckEdits(t *testing.T) {
	t.Parallel()
	own := files{"/opt/a/where": "x", "/opt/a/conf": "config", "/opt/a/made": "ghost", "/opt/a/d": "dir"}
	tests := []struct {
		name string
		new  []pkg
		spec func(*release.Spec)
		want string // the warnings about edits
	}{
		{"its own", []pkg{{name: "a", evr: "2-1", files: own, post: "sed -i s/a/b/ /opt/a/where"}}, nil,
			"a-2-1: its %post changes /opt/a/where, a file of a-2-1 (sed -i)"},
		{"of another", []pkg{{name: "a", evr: "2-1", files: own}, {name: "b", evr: "1-1", post: "echo x > /opt/a/where"}}, nil,
			"b-1-1: its %post changes /opt/a/where, a file of a-2-1 (>)"},
		{"by a trigger", []pkg{{name: "a", evr: "2-1", files: own, triggers: []rpmtest.Trigger{trigger("triggerin", "glibc", "rm /opt/a/where")}}},
			func(s *release.Spec) {
				s.Packages.Keep = map[string]map[string]string{"a-2-1": {"triggerin": "read"}}
			},
			"a-2-1: its %triggerin changes /opt/a/where, a file of a-2-1 (rm)"}, // that it was read does not make it right
		{"once for each file", []pkg{{name: "a", evr: "2-1", files: own, post: "sed -i 1d /opt/a/where\necho >> /opt/a/where"}}, nil,
			"a-2-1: its %post changes /opt/a/where, a file of a-2-1 (sed -i)"},
		{"%config and %ghost", []pkg{{name: "a", evr: "2-1", files: own, post: "sed -i s/a/b/ /opt/a/conf\ntouch /opt/a/x\necho > /opt/a/made\nrm -r /opt/a/d"}}, nil, ""},
		{"under state", []pkg{{name: "a", evr: "2-1", files: own, post: "sed -i s/a/b/ /opt/a/where"}},
			func(s *release.Spec) { s.State = []string{"/opt/a"} }, ""},
		{"left out", []pkg{{name: "a", evr: "2-1", files: own, post: "sed -i s/a/b/ /opt/a/where"}},
			func(s *release.Spec) { s.Packages.Skip = map[string]map[string]string{"a-2-1": {"post": "no"}} }, ""},
		{"of nobody", []pkg{{name: "a", evr: "2-1", files: own, post: "echo > /opt/a/wherever"}}, nil, ""},
	}
	for _, tt := range tests {
		v, problems := check(t, []pkg{{name: "a", evr: "1-1"}}, tt.new, tt.spec)
		if problems != "" {
			t.Errorf("%s: %s", tt.name, problems)
		}
		var got []string
		for _, w := range v.Warnings {
			if what, _, edits := strings.Cut(w.What, ": the engine takes what the scriptlets leave for right, so that nothing proves this file"); edits {
				got = append(got, w.Package+": "+what)
			}
		}
		if s := strings.Join(got, "\n"); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, s, tt.want)
		}
	}
}

// A state path is a folder with files of users; a package's own file is none.
func TestCheckState(t *testing.T) {
	t.Parallel()
	own := files{"/opt/a/data": "dir", "/opt/a/data/seed": "x", "/opt/a/file": "x", "/opt/a/made": "ghost"}
	for path, warned := range map[string]bool{"/opt/a/data": false, "/opt/a/file": true, "/opt/a/made": false, "/opt/other": false} {
		v, problems := check(t, []pkg{{name: "a", evr: "1-1"}}, []pkg{{name: "a", evr: "2-1", files: own}}, func(s *release.Spec) { s.State = []string{path} })
		if problems != "" || (len(v.Warnings) == 1) != warned {
			t.Errorf("%s: %s %v", path, problems, v.Warnings)
		}
		if warned && v.Warnings[0].What != fmt.Sprintf("has the file %s, which stands under state too: what the package brings is not compared with what is there", path) {
			t.Errorf("got %v", v.Warnings[0])
		}
	}
}

// Problems and warnings name the place in the spec's file, or none when there is no file.
func TestProblemText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		p    plan.Problem
		want string
	}{
		{plan.Problem{Package: "a-1-1", What: "is odd"}, "a-1-1: is odd"},
		{plan.Problem{Package: "a-1-1", What: "is odd", Do: "mend it"}, "a-1-1: is odd; mend it"},
		{plan.Problem{File: "s.yaml", Line: 3, Column: 5, Package: "a-1-1", What: "is odd", Do: "mend it"}, "s.yaml:3:5: a-1-1: is odd; mend it"},
	} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
