package nevra_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onerpm/internal/nevra"
)

// TestCompareEVR asks rpm about every pair: of versions that people write, and of many made up
// from the characters that matter.
func TestCompareEVR(t *testing.T) {
	t.Parallel()
	known := []string{
		"1.0", "1.00", "1.01", "01.0", "2.0", "10.0", "1.0a", "1.0.1", "1.0.a", "1_0", "1.0-1", "1.0-2", "1.0-10", "1:1.0", "0:1.0", ":1.0", "2:0.1-1", "a:1.0",
		"1.0~rc1", "1.0~rc1-1", "1.0~", "1.0~~", "1.0^", "1.0^git1", "1.0^git1~pre", "1.0~rc1^git1", "1.0^^", "~1", "^1", "", "-", "1-", "-1", "1:", "1.0-1~a", "1.0-1^a",
		"4.1.1-ga", "4.2.0-ga", "17.3.31-community", "17.11.20-community", "4.3.0-ga", "a", "b", "A", "1a", "a1", "a.1", "xyz10", "xyz10.1", "1.1.α", "1.1.β", "1..0", "1.0.", "...",
	}
	var pairs [][2]string
	for _, a := range known {
		for _, b := range known {
			pairs = append(pairs, [2]string{a, b})
		}
	}
	random := rand.New(rand.NewPCG(4, 2))
	word := func() string {
		b := make([]byte, random.IntN(8))
		for i := range b {
			b[i] = "0129abZ..~^-:_"[random.IntN(14)]
		}
		return string(b)
	}
	for range 20000 {
		pairs = append(pairs, [2]string{word(), word()})
	}
	want := rpmVercmp(t, pairs)
	for i, p := range pairs {
		if want[i] == "refused" { // rpm takes no empty version
			continue
		}
		if got := fmt.Sprint(nevra.CompareEVR(p[0], p[1])); got != want[i] {
			t.Errorf("CompareEVR(%q, %q) = %s, rpm says %s", p[0], p[1], got, want[i])
		}
	}
}

// rpmVercmp runs rpm's own comparison over all pairs at once.
func rpmVercmp(t *testing.T, pairs [][2]string) []string {
	t.Helper()
	var script bytes.Buffer
	script.WriteString("local function c(a,b) local ok,v = pcall(rpm.vercmp,a,b) print((ok and v or 'refused') .. '\\n') end\n")
	for _, p := range pairs {
		fmt.Fprintf(&script, "c('%s','%s')\n", p[0], p[1])
	}
	file := filepath.Join(t.TempDir(), "pairs.lua")
	if err := os.WriteFile(file, script.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("rpm", "--eval", fmt.Sprintf("%%{lua:dofile('%s')}", file)).CombinedOutput()
	if err != nil {
		t.Fatalf("rpm: %v\n%s", err, out)
	}
	list := strings.Fields(string(out))
	if len(list) != len(pairs) {
		t.Fatalf("rpm gave %d answers to %d questions:\n%.500s", len(list), len(pairs), out)
	}
	return list
}

// FuzzCompareEVR: the order is one, whatever the strings are.
func FuzzCompareEVR(f *testing.F) {
	f.Add("1.0~rc1-1", "1.0^git-2")
	f.Add("~^", "^~")
	f.Fuzz(func(t *testing.T, a, b string) {
		if x, y := nevra.CompareEVR(a, b), nevra.CompareEVR(b, a); x != -y {
			t.Fatalf("%q and %q: %d one way, %d the other", a, b, x, y)
		}
		if nevra.CompareEVR(a, a) != 0 {
			t.Fatalf("%q differs from itself", a)
		}
	})
}
