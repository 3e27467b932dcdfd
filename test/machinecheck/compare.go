package machinecheck

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"testing"
)

// Differences tells what two maps do not have in common.
func Differences(before, after map[string]string) []string {
	var found []string
	for k, v := range before {
		if w, ok := after[k]; !ok {
			found = append(found, k+": gone")
		} else if v != w {
			found = append(found, fmt.Sprintf("%s: %s, was %s", k, brief(w), brief(v)))
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			found = append(found, k+": new")
		}
	}
	sort.Strings(found)
	return found
}

func brief(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s... (%d bytes, %s)", s[:160], len(s), digest(s))
	}
	return s
}

// Same fails the test when two maps differ.
func Same(t testing.TB, what string, before, after map[string]string) {
	t.Helper()
	if diff := Differences(before, after); len(diff) > 0 {
		t.Errorf("%s differ:\n  %s", what, strings.Join(diff[:min(len(diff), 20)], "\n  "))
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
