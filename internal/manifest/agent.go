package manifest

// Agents tells how the product's agents on other machines are upgraded after the
// commit: over the product's REST API, tenant by tenant, in groups of agents for
// each of which one piece of work is asked for and followed to its end. A path
// is put after API; a key may lead into objects (a.b.c).
type Agents struct {
	API       string       `json:"api" yaml:"api"`                       // base URL on loopback
	Meanwhile string       `json:"meanwhile,omitempty" yaml:"meanwhile"` // what does not work with an agent until it is upgraded, for people; check tells it
	Headers   Headers      `json:"headers" yaml:"headers"`               // with the credentials; the admin writes it, and without it agents are pending
	Lists     AgentLists   `json:"lists" yaml:"lists"`
	Tenants   AgentTenants `json:"tenants" yaml:"tenants"`
	Groups    AgentGroups  `json:"groups" yaml:"groups"`
	Work      AgentWork    `json:"work" yaml:"work"`
	Canary    int          `json:"canary" yaml:"canary"` // groups that are asked first, one after the other; each must succeed
	Batch     int          `json:"batch" yaml:"batch"`   // groups that are asked at a time
	Stop      int          `json:"stop" yaml:"stop"`     // percent; when more of the groups asked in a run failed, no more are asked
}

// AgentLists is the shape of the API's lists.
type AgentLists struct {
	Items  string `json:"items" yaml:"items"`   // key of the items in an answer
	Size   string `json:"size" yaml:"size"`     // query parameter: how many items an answer may have
	Offset string `json:"offset" yaml:"offset"` // query parameter: how many items to leave out

	Total string `json:"total,omitempty" yaml:"total"` // key of how many items the list has; without it a list is read until an empty page
}

// AgentTenants is the list of tenants, and how a request names its own.
type AgentTenants struct {
	List   string `json:"list" yaml:"list"`     // path of the list of tenants
	Name   string `json:"name" yaml:"name"`     // key
	Header string `json:"header" yaml:"header"` // of every other request
}

// AgentGroups is the list, in a tenant, of things of which some have an agent.
type AgentGroups struct {
	List    string `json:"list" yaml:"list"`       // path of the list
	Name    string `json:"name" yaml:"name"`       // key of the group that the thing is in
	State   string `json:"state" yaml:"state"`     // key of its state
	Ready   string `json:"ready" yaml:"ready"`     // the state that all things of a group must have for it to be asked
	Version string `json:"version" yaml:"version"` // key of its agent's version; a thing without it has no agent
	Becomes string `json:"becomes" yaml:"becomes"` // the version that proves an agent to be upgraded

	ID   string `json:"id,omitempty" yaml:"id"`     // key of the thing's id, by which one that comes twice is known
	Find string `json:"find,omitempty" yaml:"find"` // query that lists the things of one group; without it a group that a look does not show is looked for in the whole list
}

// AgentWork is the work that is asked for: POST Path with Body, GET Path/<id>,
// GET Path?Find. {group} stands for the group's name.
type AgentWork struct {
	Path   string   `json:"path" yaml:"path"`     // where works are posted and asked for
	Body   string   `json:"body" yaml:"body"`     // a JSON object
	Find   string   `json:"find" yaml:"find"`     // query that lists the works of a group
	ID     string   `json:"id" yaml:"id"`         // key
	Status string   `json:"status" yaml:"status"` // key
	Error  string   `json:"error" yaml:"error"`   // key of what is said of a failure
	Done   []string `json:"done" yaml:"done"`     // statuses of a work that ended well
	Failed []string `json:"failed" yaml:"failed"` // and of one that did not
	Within Duration `json:"within" yaml:"within"` // from the asking
}

// agents demands what would otherwise make the engine ask nobody, or for ever.
func (v *validator) agents(a *Agents) {
	switch {
	case a == nil:
	case a.API == "" || a.Work.Path == "" || len(a.Work.Done) == 0 || len(a.Work.Failed) == 0:
		v.add("agents: no API, no path of works or no statuses")
	case a.Batch < 1 || a.Canary < 0 || a.Stop < 0 || a.Work.Within <= 0:
		v.add("agents: a batch of %d, a canary of %d, a stop at %d%%, works within %s", a.Batch, a.Canary, a.Stop, a.Work.Within.D())
	}
}
