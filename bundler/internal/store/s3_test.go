package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"onerpm/bundler/internal/store"
	"onerpm/bundler/internal/store/storetest"
	"onerpm/test/s3server"
)

// options are those of tests: nothing is waited for long.
func options(s *s3server.Server) store.Options {
	return store.Options{AWS: s.Config(), Backoff: 5 * time.Millisecond, Stall: 5 * time.Second}
}

func TestS3(t *testing.T) {
	t.Parallel()
	server := s3server.Start(t)
	var n atomic.Int32
	storetest.Conformance(t, func(t *testing.T) store.Store {
		s, err := store.Open(t.Context(), fmt.Sprintf("s3://%s/a/prefix-%d/", server.Bucket, n.Add(1)), options(server))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
