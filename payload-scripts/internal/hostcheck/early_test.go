package hostcheck

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/packages"
	"onerpm/payload-scripts/internal/packages/rpmtest"
)

// TestEarlyFindings names what is in the way, some of it when it is much.
func TestEarlyFindings(t *testing.T) {
	t.Parallel()
	var files []rpmtest.File
	for i := range 12 {
		files = append(files, rpmtest.File{Path: fmt.Sprintf("/usr/sql/%02d", i), Body: "x"})
	}
	w := rpmtest.New(t, []rpmtest.Package{{Name: "rest", Version: "1"}}, []rpmtest.Package{{Name: "rest", Version: "2"}, {Name: "sql", Version: "9", Early: true, Files: files}})
	early := packages.Early(w.Manifest, w.Dir, "", w.Root)
	if found := earlyFindings(w.Manifest, early); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	w.Write(t, "/usr/sql/03", "of the host")
	if found := earlyFindings(w.Manifest, early); len(found) != 1 || found[0].ID != "early-in-the-way" || !strings.HasSuffix(found[0].What, "will have their own: /usr/sql/03") {
		t.Errorf("found %+v", found)
	}
	for _, f := range files {
		w.Write(t, f.Path, "of the host")
	}
	if found := earlyFindings(w.Manifest, early); len(found) != 1 || !strings.Contains(found[0].What, "/usr/sql/09 and 2 more") {
		t.Errorf("found %+v", found)
	}
}
