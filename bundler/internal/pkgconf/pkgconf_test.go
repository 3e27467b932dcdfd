package pkgconf

import (
	"testing"

	"onerpm/bundler/internal/plan"
	"onerpm/internal/manifest"
	"onerpm/internal/rpmfile"
)

// The fate of each file is the one that the engine gives it.
func TestCompare(t *testing.T) {
	t.Parallel()
	const path = "/etc/app.conf"
	file := func(digest string, flags rpmfile.FileFlags) *rpmfile.FileInfo {
		return &rpmfile.FileInfo{Path: path, Digest: digest, Mode: 0o100644, Flags: flags}
	}
	link := &rpmfile.FileInfo{Path: path, Mode: 0o120777, LinkTo: "x", Flags: rpmfile.FileConfig}
	config, noReplace := rpmfile.FileConfig, rpmfile.FileConfig|rpmfile.FileNoReplace
	ghost := rpmfile.FileConfig | rpmfile.FileGhost
	tests := []struct {
		name       string
		old, new   *rpmfile.FileInfo
		early      bool
		late       bool
		rule       *manifest.Config
		change     plan.Kind
		fate       Fate
		was, marks string
	}{
		{name: "changes", old: file("1", config), new: file("2", noReplace), change: plan.Changed, fate: Merged, was: "%config", marks: "%config(noreplace)"},
		{name: "the same", old: file("1", config), new: file("1", config), change: plan.Unchanged, fate: Kept, was: "%config", marks: "%config"},
		{name: "the same, and set", old: file("1", config), new: file("1", config), rule: &manifest.Config{Target: path, Package: "app", Set: map[string]manifest.Value{"a": {Literal: "b"}}}, change: plan.Unchanged, fate: Merged, was: "%config", marks: "%config"},
		{name: "comes", new: file("1", noReplace), change: plan.Added, fate: Merged, marks: "%config(noreplace)"},
		{name: "comes early", new: file("1", config), early: true, change: plan.Added, fate: ByRPM, marks: "%config"},
		{name: "goes", old: file("1", noReplace), change: plan.Removed, fate: Removed, was: "%config(noreplace)"},
		{name: "goes, and stays", old: file("1", config), rule: &manifest.Config{Target: path, Package: "app", Policy: map[string]manifest.Side{"*": manifest.Old}}, change: plan.Removed, fate: Kept, was: "%config"},
		{name: "goes late", old: file("1", config), late: true, change: plan.Removed, fate: ByRPM, was: "%config"},
		{name: "is marked no more", old: file("1", config), new: file("1", 0), change: plan.Unchanged, fate: Replaced, was: "%config"},
		{name: "is marked now", old: file("1", 0), new: file("2", config), change: plan.Changed, fate: Merged, marks: "%config"},
		{name: "a link", old: link, new: link, change: plan.Unchanged, fate: ByRPM, was: "%config", marks: "%config"},
		{name: "was a link", old: link, new: file("1", config), change: plan.Changed, fate: ByRPM, was: "%config", marks: "%config"},
		{name: "ghost", old: file("", ghost), new: file("", ghost), change: plan.Unchanged, fate: ByRPM, was: "%config", marks: "%config"},
		{name: "ghost that goes", old: file("", ghost), change: plan.Removed, fate: ByRPM, was: "%config"},
		{name: "was ghost", old: file("", ghost), new: file("1", config), change: plan.Changed, fate: Merged, was: "%config", marks: "%config"},
		{name: "the bundle's own too", old: file("1", config), new: file("2", config), rule: &manifest.Config{Target: path, Old: "a", New: "b"}, change: plan.Changed, fate: Merged, was: "%config", marks: "%config"},
	}
	for _, tt := range tests {
		var old, new []Package
		if tt.old != nil {
			old = []Package{{Name: "app", Late: tt.late, Files: []rpmfile.FileInfo{*tt.old, {Path: "/opt/app", Mode: 0o100755, Digest: "x"}}}}
		}
		if tt.new != nil {
			new = []Package{{Name: "app-new", Early: tt.early, Files: []rpmfile.FileInfo{*tt.new}}}
		}
		var rules []manifest.Config
		if tt.rule != nil {
			rules = append(rules, *tt.rule)
		}
		got := Compare(old, new, rules)
		if len(got) != 1 {
			t.Errorf("%s: %+v", tt.name, got)
			continue
		}
		f, owner := got[0], "app-new"
		if tt.new == nil {
			owner = "app"
		}
		if f.Path != path || f.Package != owner || f.Change != tt.change || f.Fate != tt.fate || f.Old != tt.was || f.New != tt.marks || f.What == "" {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
	if got := Compare([]Package{{Files: []rpmfile.FileInfo{{Path: "/x", Mode: 0o100644}}}}, nil, nil); len(got) != 0 {
		t.Errorf("what nobody marks: %+v", got)
	}
}
