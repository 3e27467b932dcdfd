package answer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/advice"
)

func TestFailureOf(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("connect with password=secret-42: %w", advice.With(errors.New("no route"), "look at the cable"))
	if got := FailureOf("wait", err, "run it again", 1); got.Failed != "wait" || got.Do != "look at the cable" || got.ExitCode != 1 || strings.Contains(got.Why, "secret-42") || !strings.HasSuffix(got.Why, "no route") {
		t.Errorf("%+v", got)
	}
	if got := FailureOf("wait", errors.New("no"), "run it again", 1); got.Do != "run it again" || got.Why != "no" {
		t.Errorf("%+v", got)
	}
}
