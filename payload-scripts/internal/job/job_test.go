package job

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	t.Parallel()
	if err := Pause(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := Pause(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
