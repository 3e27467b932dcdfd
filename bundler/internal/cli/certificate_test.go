package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/sign"
)

// certificate writes beside a bundle what certify writes at the end of a run that took no machine: certificate FILE PLATFORM [FAILED-SCENARIO].
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: certificate FILE PLATFORM [FAILED-SCENARIO]")
	}
	bundle := ts.ReadFile(args[0])
	c := certify.Certificate{Bundle: filepath.Base(args[0]), Platform: args[1], Outcome: certify.Passed, Started: time.Unix(1e9, 0).UTC(), Ended: time.Unix(1e9, 0).UTC()}
	for _, name := range certify.Names() {
		s := certify.Scenario{Name: name, Outcome: certify.Passed, Window: 2.5, Limit: 60}
		if len(args) > 2 && args[2] == name {
			s.Outcome, c.Outcome = certify.Failed, certify.Failed
		}
		c.Scenarios = append(c.Scenarios, s)
	}
	armored, err := os.ReadFile(filepath.Join(ts.Getenv("KEYS"), "demo.key.asc"))
	ts.Check(err)
	key, err := sign.Load(bytes.NewReader(armored), nil)
	ts.Check(err)
	sum := sha256.Sum256([]byte(bundle))
	statement, signature, err := certify.Seal(c, hex.EncodeToString(sum[:]), key)
	ts.Check(err)
	at := filepath.Join(filepath.Dir(ts.MkAbs(args[0])), certify.FileName(args[0], args[1]))
	ts.Check(os.WriteFile(at, statement, 0o600))
	ts.Check(os.WriteFile(at+".asc", signature, 0o600))
}
