package elasticsearch

import (
	"context"
	"fmt"
	"testing"
)

// TestEachOfNewIndices: an index that was just made has not all its shards yet, and its document is read all the same.
func TestEachOfNewIndices(t *testing.T) {
	ctx := context.Background()
	n, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop() })
	for i := range 30 {
		if _, err := Call(ctx, n.Address, "POST", fmt.Sprintf("/index-%d/thing/1", i), []byte(`{"a": 1}`)); err != nil {
			t.Fatal(err)
		}
		read := 0
		if err := Each(ctx, n.Address, func(Document) error { read++; return nil }); err != nil || read != i+1 {
			t.Fatalf("with %d indices: %d documents, %v", i+1, read, err)
		}
	}
}
