package plan

import "path"

// state warns of state paths that are themselves a package's file: what the package
// brings and what is saved would be two answers to what belongs there. A
// folder with files of packages and of users is what state is for.
func (c *checker) state() {
	for i, at := range c.plan.Spec.State {
		for _, h := range c.newSet() {
			for _, f := range h.Files() {
				if path.Clean(f.Path) == at && !f.IsDir() && !f.IsGhost() {
					c.warn(h.NVR(), "leave it out of state; as %config it is merged with the host's", []any{"state", i},
						"has the file %s, which stands under state too: what the package brings is not compared with what is there", at)
				}
			}
		}
	}
}
