package release

import (
	"fmt"

	"onerpm/internal/manifest"
)

// OwnPlace returns the file or folder of the upgrade itself that a path on the host is, holds
// or lies in; "" for none. What the product has there would be overwritten by the upgrade,
// or the upgrade by it.
func (p Product) OwnPlace(path string) string {
	prefix := p.Prefix
	if prefix == "" { // told where it is read
		return ""
	}
	for _, own := range []string{
		"/opt/" + prefix, "/var/lib/" + prefix, "/var/lib/" + prefix + "-rehearsal", "/etc/" + prefix, "/run/" + prefix,
		"/usr/bin/" + prefix, "/usr/share/man/man8/" + prefix + ".8", "/usr/share/bash-completion/completions/" + prefix,
		"/etc/systemd/system/" + prefix + ".service", "/etc/systemd/system/" + prefix + "-agents.service",
	} {
		if manifest.Within(path, own) || manifest.Within(own, path) {
			return own
		}
	}
	return ""
}

// notOwn reports a path of the spec that meets a place of the upgrade's own.
func (r *reader) notOwn(p *page, path string, at ...any) {
	if own := r.cat.Product.OwnPlace(path); path != "" && own != "" {
		p.wrong(fmt.Sprintf("%s holds or lies in the upgrade's own %s", path, own), "a place that only the product uses", at...)
	}
}
