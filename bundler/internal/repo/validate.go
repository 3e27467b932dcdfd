package repo

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	sumGrammar         = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fingerprintGrammar = regexp.MustCompile(`^[0-9A-F]{40}$`)
	nameGrammar        = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~^-]*$`) // one part of a name in a store
)

// maxText bounds a line of text in an Index, in bytes.
const maxText = 4096

// validator collects everything that is wrong with an Index.
type validator struct{ errs []error }

func (v *validator) add(format string, a ...any) { v.errs = append(v.errs, fmt.Errorf(format, a...)) }

func (v *validator) match(g *regexp.Regexp, what, s string) {
	if !g.MatchString(s) || len(s) > maxText {
		v.add("%s is %.80q", what, s)
	}
}

// text demands one line for people.
func (v *validator) text(what, s string) {
	if s == "" || len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		v.add("%s is %.80q", what, s)
	}
}

func (v *validator) time(what, s string) {
	if t, err := time.Parse(time.RFC3339, s); err != nil || stamp(t) != s {
		v.add("%s is %.80q, not a time as 2020-01-31T12:00:00Z", what, s)
	}
}

// stamp writes a time as the Index has it, in whole seconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (x *Index) validate() error {
	v := &validator{}
	if x.Version != Version {
		v.add("version is %d", x.Version)
	}
	v.text("product", x.Product)
	v.match(nameGrammar, "prefix", x.Prefix)
	if !slices.Contains(Channels, x.Channel) {
		v.add("channel is %.80q", x.Channel)
	}
	if err := CheckBase(x.Base); err != nil {
		v.add("base: %w", err)
	}
	v.time("created", x.Created)
	if x.Until != "" {
		v.time("until", x.Until)
	}
	v.match(sumGrammar, "repomd", x.Repomd)
	if x.Plain != "" {
		v.match(sumGrammar, "plain", x.Plain)
		if x.Channel != Stable {
			v.add("%s has metadata for copies", x.Channel)
		}
	}
	for i := range x.Bundles {
		v.bundle(&x.Bundles[i], x.Prefix)
		if i > 0 && x.Bundles[i-1].NEVRA >= x.Bundles[i].NEVRA {
			v.add("bundle %s is not behind %s", x.Bundles[i].NEVRA, x.Bundles[i-1].NEVRA)
		}
	}
	for i, w := range x.Withdrawn {
		v.match(nameGrammar, "a withdrawn bundle", w.NEVRA)
		v.match(sumGrammar, w.NEVRA+": sha256", w.SHA256)
		v.file(w.NEVRA, w.File, packageName(w.SHA256, w.NEVRA))
		v.text(w.NEVRA+": reason", w.Reason)
		v.time(w.NEVRA+": at", w.At)
		if i > 0 && x.Withdrawn[i-1].NEVRA >= w.NEVRA {
			v.add("withdrawn %s is not behind %s", w.NEVRA, x.Withdrawn[i-1].NEVRA)
		}
		if x.Bundle(w.NEVRA) != nil {
			v.add("%s is withdrawn and there", w.NEVRA)
		}
	}
	for _, s := range x.Superseded {
		v.match(sumGrammar, "superseded", s.ID)
		v.time("superseded "+s.ID, s.At)
	}
	return errors.Join(v.errs...)
}

func (v *validator) bundle(b *Bundle, prefix string) {
	say := func(what string) string { return b.NEVRA + ": " + what }
	v.match(nameGrammar, "nevra", b.NEVRA)
	v.match(nameGrammar, say("from"), b.From)
	v.match(nameGrammar, say("to"), b.To)
	name := prefix + "-" + b.To
	if b.Revision < 1 || b.Short != name+".rpm" || !strings.HasPrefix(b.NEVRA, fmt.Sprintf("%s-%s-%d.", name, b.To, b.Revision)) {
		v.add("%s: to %q, revision %d, short %q do not belong together", b.NEVRA, b.To, b.Revision, b.Short)
	}
	v.match(sumGrammar, say("sha256"), b.SHA256)
	v.file(b.NEVRA, b.File, packageName(b.SHA256, b.NEVRA))
	if b.Size < 1 {
		v.add("%s: size is %d", b.NEVRA, b.Size)
	}
	v.time(say("published"), b.Published)
	v.match(sumGrammar, say("details"), b.Details)
	if o := b.Override; o != nil {
		v.text(say("override"), o.Reason)
		v.text(say("override by"), o.By)
		v.time(say("override"), o.At)
	}
}

func (v *validator) file(nevra, got, want string) {
	if got != want {
		v.add("%s: file is %.200q, not %q", nevra, got, want)
	}
}

// packageName returns where a bundle lies in the store: named by its content, so that it never changes.
func packageName(sum, nevra string) string { return "packages/" + sum + "/" + nevra + ".rpm" }

// cleanName reports whether s can be a name in a store.
func cleanName(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if !nameGrammar.MatchString(part) {
			return false
		}
	}
	return len(s) <= 1024
}

// CheckBase is an error unless s can be the URL of a folder that dnf reads from:
// http, https or file, absolute, without a question, a fragment or a password.
func CheckBase(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file":
		return fmt.Errorf("%q is no http://, https:// or file:// URL", s)
	case u.Scheme == "file" && !strings.HasPrefix(u.Path, "/") || u.Scheme != "file" && u.Host == "":
		return fmt.Errorf("%q is not absolute", s)
	case strings.HasSuffix(s, "/"):
		return fmt.Errorf("%q ends with a slash", s)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("%q has a user, a question or a fragment, and names are put behind it", s)
	case strings.ContainsAny(u.Host, "$,"):
		return fmt.Errorf("%q has a host with a dollar sign or a comma, which yum and dnf take for something else", s)
	case strings.Contains(s, "metalink"):
		return fmt.Errorf("%q has the word metalink, and yum expects an XML file at such addresses (yum.conf(5))", s)
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("%q has a space or a control character", s)
	}
	return nil
}
