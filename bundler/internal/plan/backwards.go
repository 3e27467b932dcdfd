package plan

// backwards names the packages whose version goes backwards: the release engineer should know what updates of the system
// would do to them.
func (c *checker) backwards() {
	for _, change := range c.plan.Changes {
		if change.Backwards {
			c.warn(change.New.ID().NVR(), "the upgrade has yum and dnf leave it out after the commit (excludepkgs); take it out of the repositories of hosts that are upgraded, too",
				nil, "its version goes backwards, from %s: an update of the system would bring that back from a repository that still has it", change.Old.ID().ShortEVR())
		}
	}
}
