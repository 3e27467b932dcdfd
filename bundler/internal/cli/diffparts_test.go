package cli

import (
	"reflect"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

func TestPartsOfThePackages(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{
		Old: []manifest.Package{{ID: nevra.ID{Name: "app", Version: "1"}}, {ID: nevra.ID{Name: "search", Version: "3"}, Late: true}, {ID: nevra.ID{Name: "tail", Version: "1"}}},
		New: []manifest.Package{{ID: nevra.ID{Name: "app", Version: "2"}, File: "f"}, {ID: nevra.ID{Name: "db", Version: "9"}, File: "g", Early: true}},
	}
	var got []string
	for _, row := range packageRows(m) {
		got = append(got, row[0]+": "+row[3])
	}
	if want := []string{"app: changed", "db: added, comes while the old release serves", "search: removed, erased after the commit", "tail: removed"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
