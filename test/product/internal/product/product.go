// Package product tells which release of the demo product a program was built
// as, and how the releases differ. The demo product stands for Cloudify Manager
// at 3.4.2, 4.0.1, 4.1.1 and 4.2.0; all of its programs are built from one source tree.
package product

import "slices"

// Version is the release the program was built as. The components builder sets it
// with the linker's -X flag.
var Version = "4.2.0"

// Release is what differs between the releases.
type Release struct {
	Version string
	Edition string // what /version calls it
	Commit  string // likewise
	Build   string // likewise
	Date    string // YYYY-MM-DD, the release's date
	Package string // version of the packages that carry the edition's own numbering
	Tag     string // release of the packages that carry the product's
	Head    string // alembic_version.version_num that the programs need; none on Elasticsearch
	App     string // what gunicorn must be told to run
	AMQPKey string // key of cloudify-rest.conf that names the broker's host

	MinMemoryMB int // of available memory, below which no list is answered, when cloudify-rest.conf does not say it

	// Elasticsearch keeps the data: one tenant, users in a configuration file if at all, API v1 to v2.1.
	Elasticsearch bool

	Availability bool // rows are shared by resource_availability, not by private_resource
	ForbidsWith  int  // HTTP status for "you may not"
	Vhosts       bool // tenants have a RabbitMQ virtual host of their own
}

// Releases lists every release of the demo product, oldest first.
func Releases() []Release {
	return []Release{
		{
			Version: "3.4.2", Edition: "community", Commit: "e3b1f02", Build: "420", Date: "2017-02-01",
			Package: "3.4.2", Tag: "sp_b420", App: "manager_rest.server:app", AMQPKey: "amqp_address",
			ForbidsWith: 401, Elasticsearch: true, MinMemoryMB: 512,
		},
		{
			Version: "4.0.1", Edition: "community", Commit: "9b5c4d1", Build: "401", Date: "2017-04-20",
			Package: "17.3.31", Tag: "ga", Head: "9aa6f74c9653", App: "manager_rest.server:app", AMQPKey: "amqp_address",
			ForbidsWith: 401, MinMemoryMB: 256,
		},
		{
			Version: "4.1.1", Edition: "community", Commit: "5f1f0a7", Build: "411", Date: "2017-08-21",
			Package: "17.6.30", Tag: "ga", Head: "3496c876cd1a", App: "manager_rest.server:app", AMQPKey: "amqp_host",
			ForbidsWith: 401, Vhosts: true,
		},
		{
			Version: "4.2.0", Edition: "community", Commit: "c2d8e66", Build: "420", Date: "2017-12-06",
			Package: "17.11.20", Tag: "ga", Head: "f1dab814a4a0", App: "manager_rest.wsgi:app", AMQPKey: "amqp_host",
			ForbidsWith: 403, Vhosts: true, Availability: true,
		},
	}
}

// OnPostgreSQL lists the releases that keep their data there, oldest first.
func OnPostgreSQL() []Release {
	return slices.DeleteFunc(Releases(), func(r Release) bool { return r.Elasticsearch })
}

// Find returns the release of that version, and whether there is one.
func Find(version string) (Release, bool) {
	for _, r := range Releases() {
		if r.Version == version {
			return r, true
		}
	}
	return Release{}, false
}

// Current returns the release this program was built as; the linker was told
// nonsense when there is none, and then it panics.
func Current() Release {
	r, ok := Find(Version)
	if !ok {
		panic("built as release " + Version + ", which the product does not have")
	}
	return r
}
