package database

import "testing"

func TestSchemaName(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"cloudify-upgrade": "cloudify_upgrade", "A.b+C": "a_b_c", "9x": "_9x"} {
		if got := schemaName(prefix); got != want {
			t.Errorf("%s: %s", prefix, got)
		}
	}
}
