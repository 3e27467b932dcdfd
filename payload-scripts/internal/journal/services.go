package journal

// Services is how the product's systemd units were before the upgrade. The names
// of units of the jump are those of the manifest, all others are full.
type Services struct {
	Active map[string]bool   `json:"active"` // unit of the jump, or beside it -> it served
	Boot   map[string]string `json:"boot"`   // unit of the jump -> its place in the boot, as systemctl is-enabled tells it

	// Units that serve because of those of the jump; but for Triggers they are not of the jump themselves.
	Instances  map[string][]string `json:"instances,omitempty"`  // unit -> others of the same template
	Triggers   map[string][]string `json:"triggers,omitempty"`   // unit -> sockets, timers and paths that start it, of the jump or not
	Triggered  map[string][]string `json:"triggered,omitempty"`  // socket, timer or path of the jump -> units it starts, serving or not
	Dependents map[string][]string `json:"dependents,omitempty"` // unit -> units that systemd stops with it, the nearest first

	Links   []Link   `json:"links,omitempty"`   // by which these units are in the boot, masked or otherwise named
	Folders []string `json:"folders,omitempty"` // of drop-ins and links that were there, though empty perhaps
}

// Link is a symbolic link.
type Link struct {
	Path   string `json:"path"`
	Target string `json:"target"`
}
