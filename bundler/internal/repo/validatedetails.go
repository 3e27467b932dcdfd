package repo

import (
	"cmp"
	"errors"
	"slices"
)

func (d *Details) validate() error {
	v := &validator{}
	say := func(what string) string { return d.NEVRA + ": " + what }
	if d.Version != Version {
		v.add("version is %d", d.Version)
	}
	v.match(nameGrammar, "nevra", d.NEVRA)
	v.match(sumGrammar, say("sha256"), d.SHA256)
	v.match(fingerprintGrammar, say("key"), d.Key)
	v.time(say("built"), d.Built)
	for i, f := range d.Companions {
		v.match(nameGrammar, say("companion"), f.Name)
		v.match(sumGrammar, say(f.Name), f.SHA256)
		v.file(d.NEVRA, f.File, packageName(d.SHA256, d.NEVRA)+"."+f.Name)
		if f.Size < 0 || i > 0 && d.Companions[i-1].Name >= f.Name {
			v.add("%s: companion %s has size %d or is out of order", d.NEVRA, f.Name, f.Size)
		}
	}
	v.changes(d.NEVRA, d.Changes)
	for _, c := range d.Certificates {
		v.match(nameGrammar, say("platform"), c.Platform)
		v.match(sumGrammar, say("certificate"), c.SHA256)
		v.time(say("certificate"), c.At)
		if !cleanName(c.File) || c.Window < 0 {
			v.add("%s: certificate %q, window %v", d.NEVRA, c.File, c.Window)
		}
	}
	return errors.Join(v.errs...)
}

func (v *validator) changes(nevra string, c Changes) {
	for i, p := range c.Packages {
		v.text(nevra+": package", p.Name)
		ok := p.How == Changed && p.From != "" && p.To != "" || p.How == Added && p.From == "" && p.To != "" ||
			p.How == Dropped && p.From != "" && p.To == "" || p.How == Kept && p.From != "" && p.From == p.To
		if !ok || i > 0 && cmp.Compare(c.Packages[i-1].Name, p.Name) >= 0 {
			v.add("%s: package %q from %q to %q %q, or out of order", nevra, p.Name, p.From, p.To, p.How)
		}
	}
	for _, t := range slices.Concat(c.Services, c.Config, c.Migrations, c.Stores, c.Accept) {
		v.text(nevra+": a service, configuration file, migration or store", t)
	}
}
