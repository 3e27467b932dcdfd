package certify

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	attestation "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"onerpm/bundler/internal/intoto"
	"onerpm/bundler/internal/sign"
)

const (
	someSum  = "1111111111111111111111111111111111111111111111111111111111111111"
	otherSum = "2222222222222222222222222222222222222222222222222222222222222222"
	platform = "el7.x86_64"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// keys are two keys, made once: the team's and somebody else's.
var keys = sync.OnceValues(func() ([2]*sign.Key, error) {
	var k [2]*sign.Key
	var err error
	for i, name := range []string{"team", "stranger"} {
		if k[i], err = sign.Generate(name, "", name+"@example.invalid", at); err != nil {
			return k, err
		}
	}
	return k, nil
})

func team(t testing.TB) (*sign.Key, *sign.Key) {
	t.Helper()
	k, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	return k[0], k[1]
}

func public(t testing.TB, k *sign.Key) *sign.Public {
	t.Helper()
	armored, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	p, err := sign.LoadPublic(bytes.NewReader(armored))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// good is a certificate in which all is well.
func good() Certificate {
	c := Certificate{Bundle: "demo-upgrade-2.0.rpm", From: "1.0", To: "2.0", Platform: platform, Outcome: Passed, Started: at, Ended: at.Add(time.Minute),
		Machine: Facts{System: "Example Linux 7", ID: "centos", Version: "7", Arch: "x86_64"}, Checks: []Check{{"data.sh", someSum}}, Tool: "bundler"}
	for i, name := range Names() {
		c.Scenarios = append(c.Scenarios, Scenario{Name: name, Outcome: Passed, Seconds: 20.5, Window: float64(i) + 1.25, Measured: true, Limit: 60})
	}
	return c
}

func TestVerify(t *testing.T) {
	t.Parallel()
	ours, theirs := team(t)
	for _, c := range []struct {
		name          string
		change        func(*Certificate)
		key           *sign.Key // that signs
		sum, platform string    // asked for
		refused       string    // "" for not
	}{
		{name: "good"},
		{name: "other bytes", sum: otherSum, refused: "it is for other bytes: sha256 " + someSum + ", the bundle has " + otherSum},
		{name: "another key", key: theirs, refused: "another key made it, or it was altered"},
		{name: "another platform", platform: "el8.x86_64", refused: `it is for the platform "el7.x86_64"`},
		{name: "a failed scenario", change: func(c *Certificate) { c.Scenarios[2].Outcome, c.Outcome = Failed, Failed }, refused: "the scenario failing failed"},
		{name: "a failed scenario that was not counted", change: func(c *Certificate) { c.Scenarios[2].Outcome = Failed }, refused: "the scenario failing failed"},
		{name: "an outcome that nobody knows", change: func(c *Certificate) { c.Scenarios[0].Outcome = "" }, refused: "the scenario fresh "},
		{name: "a failed outcome", change: func(c *Certificate) { c.Outcome = Failed }, refused: `its outcome is "failed"`},
		{name: "a missing scenario", change: func(c *Certificate) { c.Scenarios = c.Scenarios[:7] }, refused: "the scenario second-run is missing"},
		{name: "the scenario clients failed", change: func(c *Certificate) { c.Scenarios[5].Outcome = Failed }, refused: "the scenario clients failed"},
		{name: "from before there was the scenario clients", change: func(c *Certificate) { c.Scenarios = slices.Delete(c.Scenarios, 5, 6) }},
		{name: "the scenario agents failed", change: func(c *Certificate) { c.Scenarios[8].Outcome = Failed }, refused: "the scenario agents failed"},
		{name: "of a jump without agents", change: func(c *Certificate) { c.Scenarios = c.Scenarios[:8] }},
		{name: "one scenario instead of another", change: func(c *Certificate) { c.Scenarios[3] = c.Scenarios[0] }, refused: "the scenario fresh stands there twice\nthe scenario refused is missing"},
		{name: "no scenario", change: func(c *Certificate) { c.Scenarios = nil }, refused: "the scenario fresh is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cert, key, sum, on := good(), ours, someSum, platform
			if c.change != nil {
				c.change(&cert)
			}
			if c.key != nil {
				key = c.key
			}
			if c.sum != "" {
				sum = c.sum
			}
			if c.platform != "" {
				on = c.platform
			}
			statement, signature, err := Seal(cert, someSum, key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Verify(statement, signature, public(t, ours), sum, on)
			if c.refused == "" {
				if err != nil || got.Window() != 1.25 || len(got.Scenarios) != len(cert.Scenarios) {
					t.Errorf("refused or read otherwise: %v, %+v", err, got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "the certificate for "+on+" does not hold") {
				t.Errorf("got %v, want %q", err, c.refused)
			}
			if got.Bundle != "" {
				t.Errorf("what does not hold was handed out: %+v", got)
			}
		})
	}
}

// Any byte of the statement that is another one makes it worthless.
func TestAlteredByOneByte(t *testing.T) {
	t.Parallel()
	key, _ := team(t)
	pub := public(t, key)
	statement, signature, err := Seal(good(), someSum, key)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(statement); i += 41 {
		altered := bytes.Clone(statement)
		altered[i] ^= 1
		if _, err := Verify(altered, signature, pub, someSum, platform); err == nil || !strings.Contains(err.Error(), "or it was altered") {
			t.Fatalf("byte %d altered: %v", i, err)
		}
	}
	for _, c := range []struct {
		name                 string
		statement, signature []byte
	}{
		{"more at the end", append(bytes.Clone(statement), '\n'), signature},
		{"cut off", statement[:len(statement)-2], signature},
		{"no signature", statement, nil},
		{"a signature too long", statement, append(bytes.Clone(signature), make([]byte, maxSignature)...)},
	} {
		if _, err := Verify(c.statement, c.signature, pub, someSum, platform); err == nil {
			t.Errorf("%s: it holds", c.name)
		}
	}
}

// What is signed but was not written by this program is refused: one certificate has one form.
func TestForeignForm(t *testing.T) {
	t.Parallel()
	key, _ := team(t)
	statement, _, err := Seal(good(), someSum, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to, refused string }{
		{"another predicate", PredicateType, "https://slsa.dev/provenance/v1", "it is a"},
		{"another statement", intoto.Type, "https://in-toto.io/Statement/v0.1", "it is a"},
		{"an unknown key", `"predicate": {`, `"predicate": {"more": 1,`, "unknown field"},
		{"a doubled key", `"outcome": "passed",`, `"outcome": "failed", "outcome": "passed",`, "not written as this program writes it"},
		{"another case", `"outcome"`, `"Outcome"`, "not written as this program writes it"},
		{"two subjects", `"subject": [`, `"subject": [{"name": "x", "digest": {}},`, "not written as"},
	} {
		text := []byte(strings.Replace(string(statement), c.from, c.to, 1))
		signature, err := key.Detached(text, at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(text, signature, public(t, key), someSum, platform); err == nil || !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", c.name, err, c.refused)
		}
	}
}

// The statement is one by the specification's own types.
func TestStatementIsInToto(t *testing.T) {
	t.Parallel()
	key, _ := team(t)
	text, _, err := Seal(good(), someSum, key)
	if err != nil {
		t.Fatal(err)
	}
	var s attestation.Statement
	if err := protojson.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.GetPredicateType() != PredicateType || s.GetSubject()[0].GetDigest()["sha256"] != someSum || s.GetSubject()[0].GetName() != "demo-upgrade-2.0.rpm" {
		t.Errorf("it says %v of %v", s.GetPredicateType(), s.GetSubject())
	}
}

func TestBeside(t *testing.T) {
	t.Parallel()
	key, _ := team(t)
	dir := t.TempDir()
	bundle := filepath.Join(dir, "demo-upgrade-2.0.rpm")
	statement, signature, err := Seal(good(), someSum, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"demo-upgrade-2.0.rpm.certificate.el7.x86_64.intoto.json":     statement,
		"demo-upgrade-2.0.rpm.certificate.el7.x86_64.intoto.json.asc": signature,
		"demo-upgrade-2.0.rpm.certificate.el9.x86_64.intoto.json":     statement,
		"demo-upgrade-2.0.rpm.certificate.el9.x86_64.intoto.json.asc": signature,
		"demo-upgrade-2.0.rpm.certificate.el5.x86_64.intoto.json":     statement, // without its signature
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v, err := VerifyBeside(bundle, public(t, key), someSum, []string{platform, "el8.x86_64", "el9.x86_64", "el5.x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Good) != 1 || v.Good[0].File != FileName(bundle, platform) || !bytes.Equal(v.Good[0].Statement, statement) {
		t.Errorf("good: %+v", v.Good)
	}
	var why []string
	for _, l := range v.Missing {
		why = append(why, l.Platform+": "+l.Why)
	}
	want := "el8.x86_64: there is no certificate for el8.x86_64|el9.x86_64: the certificate for el9.x86_64 does not hold: it is for the platform \"el7.x86_64\"|el5.x86_64: there is no certificate for el5.x86_64"
	if strings.Join(why, "|") != want {
		t.Errorf("lacking: %q", why)
	}
}

// FuzzDecode holds that foreign bytes are refused or are exactly what would be written of them.
func FuzzDecode(f *testing.F) {
	text, err := intoto.New(PredicateType, good(), intoto.Resource{Name: "x", Digest: map[string]string{"sha256": someSum}}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"_type": "` + intoto.Type + `", "predicateType": "` + PredicateType + `", "predicate": {"scenarios": [{}]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := intoto.Decode[Certificate](b, PredicateType)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%v\n%s\nis not\n%s", err, again, b)
		}
		_ = s.Predicate.holds()
	})
}
