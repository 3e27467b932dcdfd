package manifest

// Agents tells how the product's agents on other machines are upgraded after the
// commit: over the product's REST API, tenant by tenant, in groups of agents for
// each of which one piece of work is asked for and followed to its end. A path
// is put after api; a key may lead into objects (a.b.c).
type Agents struct {
	API       string       `json:"api" yaml:"api"`                       // base URL of the API, on loopback; paths below are put after it
	Meanwhile string       `json:"meanwhile,omitempty" yaml:"meanwhile"` // what does not work with an agent until it is upgraded, for people; check on the host tells it
	Headers   Headers      `json:"headers" yaml:"headers"`               // file with the credentials; the admin writes it, and without it agents are pending
	Lists     AgentLists   `json:"lists" yaml:"lists"`                   // how a list of the API is asked for, and where its items are
	Tenants   AgentTenants `json:"tenants" yaml:"tenants"`               // list of the tenants, which are gone through one by one
	Groups    AgentGroups  `json:"groups" yaml:"groups"`                 // list of the things that can have an agent, and of which group each is
	Work      AgentWork    `json:"work" yaml:"work"`                     // the work that is asked for, once for each group
	Canary    int          `json:"canary" yaml:"canary"`                 // number of groups that are asked first, one after the other; each must succeed
	Batch     int          `json:"batch" yaml:"batch"`                   // number of groups that are asked at a time
	Stop      int          `json:"stop" yaml:"stop"`                     // percentage: when more of the groups asked in a run failed, no more are asked
}

// AgentLists is how the API gives its lists.
type AgentLists struct {
	Items  string `json:"items" yaml:"items"`   // key of the items in an answer
	Size   string `json:"size" yaml:"size"`     // query parameter that says how many items an answer may have
	Offset string `json:"offset" yaml:"offset"` // query parameter that says how many items to leave out

	Total string `json:"total,omitempty" yaml:"total"` // key of how many items the list has; without it a list is read until an empty page
}

// AgentTenants is the list of tenants, and how a request names its own.
type AgentTenants struct {
	List   string `json:"list" yaml:"list"`     // path of the list of tenants
	Name   string `json:"name" yaml:"name"`     // key of a tenant's name
	Header string `json:"header" yaml:"header"` // name of the header that says which tenant a request is about
}

// AgentGroups is the list, in a tenant, of things of which some have an agent.
type AgentGroups struct {
	List    string `json:"list" yaml:"list"`       // path of the list of things
	Name    string `json:"name" yaml:"name"`       // key of the name of the group that a thing is in
	State   string `json:"state" yaml:"state"`     // key of a thing's state
	Ready   string `json:"ready" yaml:"ready"`     // the state that all things of a group must have for it to be asked
	Version string `json:"version" yaml:"version"` // key of the version of a thing's agent; a thing without it has no agent
	Becomes string `json:"becomes" yaml:"becomes"` // the version that proves an agent to be upgraded

	ID   string `json:"id,omitempty" yaml:"id"`     // key of a thing's id, by which one that comes twice is known
	Find string `json:"find,omitempty" yaml:"find"` // query that lists the things of one group; without it a group that a look does not show is looked for in the whole list
}

// AgentWork is the work that is asked for: body is posted to path, path/<id> asks for one, path?find
// lists those of a group. {group} stands for the group's name.
type AgentWork struct {
	Path   string   `json:"path" yaml:"path"`     // path to which works are posted, and below which one is asked for by its id
	Body   string   `json:"body" yaml:"body"`     // the JSON object that is posted
	Find   string   `json:"find" yaml:"find"`     // query that lists the works of a group
	ID     string   `json:"id" yaml:"id"`         // key of a work's id
	Status string   `json:"status" yaml:"status"` // key of a work's status
	Error  string   `json:"error" yaml:"error"`   // key of what is said of a failure
	Done   []string `json:"done" yaml:"done"`     // statuses of a work that ended well
	Failed []string `json:"failed" yaml:"failed"` // statuses of a work that failed
	Within Duration `json:"within" yaml:"within"` // how long the work of one group may take
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
