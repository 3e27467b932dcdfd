package repo

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"onerpm/bundler/internal/certify"
	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/sign"
)

// gate is what is known of a bundle's certification. The zero gate lets nothing through.
type gate struct {
	asked   bool                         // somebody said which platforms count
	missing []certify.MissingCertificate // platforms without a certificate that holds
	files   map[string][]byte
}

// Certify takes in the certificates that lie beside the bundle. Stable takes it from then on when there is one that
// holds for every platform; no platform at all is none. It returns what is missing, for people.
func (l *Local) Certify(key *sign.Public, platforms []string) ([]certify.MissingCertificate, error) {
	v, err := certify.VerifyBeside(l.Path, key, l.Bundle.SHA256, platforms)
	if err != nil {
		return nil, err
	}
	l.gate = gate{asked: true, missing: v.Missing, files: map[string][]byte{}}
	if len(platforms) == 0 {
		l.gate.missing = []certify.MissingCertificate{{Why: "nobody says for which platforms release " + l.Bundle.To + " must be certified"}}
	}
	l.Details.Certificates = nil
	for _, s := range v.Good {
		sum := digest(s.Statement)
		name := certificateName(l.Bundle.File, s.Platform, sum)
		l.gate.files[name], l.gate.files[name+".asc"] = s.Statement, s.Signature
		l.Details.Certificates = append(l.Details.Certificates, Certificate{
			Platform: s.Platform, File: name, SHA256: sum, Window: s.Window(), At: stamp(s.Ended), Clients: s.Clients(), NoWrites: !s.Wrote(), LeftOut: s.LeftOut,
		})
	}
	sortCertificates(l.Details.Certificates)
	return l.gate.missing, nil
}

// certificateName returns where a certificate lies in the store: its digest is in the name, because a bundle can be
// certified again and what is published never changes.
func certificateName(bundle, platform, sum string) string {
	return bundle + ".certificate." + platform + "." + sum[:16] + ".intoto.json"
}

func sortCertificates(list []Certificate) {
	slices.SortFunc(list, func(a, b Certificate) int { return cmp.Compare(a.Platform, b.Platform) })
}

// OverrideCertification lets a bundle without all certificates into stable. The index says so for ever, with the reason.
func (l *Local) OverrideCertification(reason, by string, at time.Time) {
	if !l.Certified() {
		l.Bundle.Override = &Override{Reason: reason, By: by, At: stamp(at)}
	}
}

// Certified reports whether the bundle has a certificate that holds for every platform that counts.
func (l *Local) Certified() bool { return l.gate.asked && len(l.gate.missing) == 0 }

// ChannelFor decides which channel a bundle goes to; asked is what the publisher said, "" for nothing. Stable is for bundles that
// are certified or were let in; asked for another one it is exit.Uncertified.
func ChannelFor(l *Local, asked string) (string, error) {
	if asked != "" && !slices.Contains(Channels, asked) {
		return "", exit.Errorf(exit.Usage, "choose one of the channels: "+strings.Join(Channels, ", "), "there is no channel %q", asked)
	}
	admitted := l.Certified() || l.Bundle.Override != nil
	switch {
	case asked == Stable && !admitted:
		return "", exit.With(exit.Uncertified, fmt.Errorf("%s is not published in %s: %w", l.Bundle.NEVRA, Stable, l.uncertifiedError()),
			"run bundler certify "+l.Path+" --platform NAME; or publish it in "+Testing+"; or --override REASON, which everybody will read")
	case asked != "":
		return asked, nil
	case admitted:
		return Stable, nil
	}
	return Testing, nil
}

// uncertifiedError says why a bundle is not certified, for every platform that counts.
func (l *Local) uncertifiedError() error {
	if !l.gate.asked {
		return errors.New("its certificates were not looked at")
	}
	var why []error
	for _, lack := range l.gate.missing {
		why = append(why, errors.New(lack.Why))
	}
	return errors.Join(why...)
}

// recertified takes what is new about a bundle's certification into how it stands in a channel; false when nothing is. A newer certificate of a
// platform takes the older one's place, others stay; a bundle that is certified now needs nobody's word any more.
func (l *Local) recertified(b *Bundle, d *Details) bool {
	before, override := d.Certificates, b.Override
	all := map[string]Certificate{}
	for _, c := range append(slices.Clone(before), l.Details.Certificates...) {
		if had, ok := all[c.Platform]; !ok || c.At >= had.At {
			all[c.Platform] = c
		}
	}
	d.Certificates = slices.Collect(maps.Values(all))
	sortCertificates(d.Certificates)
	switch {
	case l.Certified():
		b.Override = nil
	case b.Override == nil && l.Bundle.Override != nil:
		b.Override = l.Bundle.Override
	}
	return !reflect.DeepEqual(d.Certificates, before) || b.Override != override
}
