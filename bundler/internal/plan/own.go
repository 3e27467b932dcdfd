package plan

import "onerpm/internal/manifest"

// ownPlaces refuses packages of the new release with a file in a place of the upgrade's own: rpm
// would refuse it beside the bundle, or lay it over what the upgrade has written there.
func (c *checker) ownPlaces() {
	for _, h := range c.newSet() {
		for _, f := range h.Files() {
			if own := c.plan.Product.OwnPlace(f.Path); own != "" && manifest.Within(f.Path, own) {
				c.wrong(h.NVR(), "build the package with another path", "%s lies in the upgrade's own %s", f.Path, own)
				break
			}
		}
	}
}
