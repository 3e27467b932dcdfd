package packages

import (
	"testing"

	"onerpm/payload-scripts/internal/packages/rpmtest"
)

func TestMain(m *testing.M) { rpmtest.Main(m) }
