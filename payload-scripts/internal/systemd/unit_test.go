package systemd

import (
	"reflect"
	"testing"

	"onerpm/test/systemdtest"
)

func TestUnit(t *testing.T) {
	t.Parallel()
	root := linkTree(t, map[string]string{etc: ""})
	m := systemdtest.New(t, root, systemdtest.Unit{Name: "web", Active: "reloading", File: "enabled-runtime", Fragment: "/etc/x", TriggeredBy: []string{"web.socket"},
		RequiredBy: []string{"b", "a"}, BoundBy: []string{"b"}, ConsistsOf: []string{"c.target"}, Own: []string{"ConditionPathExists=|!/a", "ConditionPathExists=/b"}, NeedsReload: true, Refuses: true},
		systemdtest.Unit{Name: "www", Alias: "web.service"}, systemdtest.Unit{Name: "web.socket"})
	c := connect(t, m)
	want := Unit{Name: "web.service", Load: "loaded", Active: "reloading", File: "enabled-runtime", Fragment: "/etc/x", DropIns: []string{}, Triggers: []string{},
		TriggeredBy: []string{"web.socket"}, StopsWithIt: []string{"a.service", "b.service", "c.target"},
		Conditions:  []Condition{{"ConditionPathExists", true, true, "/a"}, {"ConditionPathExists", false, false, "/b"}},
		NeedsReload: true, Refuses: true}
	for _, name := range []string{"web", "web.service", "www"} {
		if got, err := c.Unit(t.Context(), name); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if got, err := c.Unit(t.Context(), "web.socket"); err != nil || !reflect.DeepEqual(got.Triggers, []string{"web.service"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := c.Unit(t.Context(), "gone-9.6"); err != nil || got.Name != "gone-9.6.service" || got.Load != "not-found" || got.Active != "inactive" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestConditionsOfAnySystemd: whatever the property holds is read without a panic, and only what is understood is returned.
func TestConditionsOfAnySystemd(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, "text", [][]any{}, [][]any{{"ConditionPathExists"}}} {
		if got := conditions(v); got != nil {
			t.Errorf("%v: %v", v, got)
		}
	}
	if got := conditions([][]any{{1, "x", nil, 3, 4}}); len(got) != 1 || got[0] != (Condition{}) {
		t.Errorf("got %v", got)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	for state, want := range map[string][2]bool{ // serves, down
		"active": {true, false}, "reloading": {true, false}, "refreshing": {true, false}, "inactive": {false, true},
		"failed": {false, true}, "activating": {}, "deactivating": {}, "maintenance": {}, "": {},
	} {
		if got := [2]bool{Serves(state), Down(state)}; got != want {
			t.Errorf("%s: %v", state, got)
		}
	}
}
