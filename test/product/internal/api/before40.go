package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"

	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/store"
)

// routeBefore40 adds what users make and change at the releases whose data is in Elasticsearch. At later ones the sample
// data is put into the database, and these endpoints are left out.
func (s *Service) routeBefore40(route func(string, need, handler)) {
	for pattern, h := range map[string]handler{
		"DELETE /blueprints/{id}":                               s.deleteBlueprint,
		"PUT /deployments/{id}":                                 s.createDeployment,
		"DELETE /deployments/{id}":                              s.deleteDeployment,
		"PATCH /node-instances/{id}":                            s.changeInstance,
		"POST /plugins":                                         s.uploadPlugin,
		"DELETE /plugins/{id}":                                  s.deletePlugin,
		"PUT /snapshots/{id}":                                   s.createSnapshot,
		"DELETE /snapshots/{id}":                                s.deleteSnapshot,
		"POST /deployment-updates/{deployment}/update/initiate": s.startUpdate,
		"POST /deployment-updates/{id}/update/finalize":         s.finishUpdate,
		"POST /deployment-modifications":                        s.startModification,
		"POST /deployment-modifications/{id}/finish":            s.endModification("finished"),
		"POST /deployment-modifications/{id}/rollback":          s.endModification("rolledback"),
		"GET /provider/context":                                 s.context,
		"POST /provider/context":                                s.setContext,
	} {
		route(pattern, aTenant|external, h)
	}
}

// insecurePort is the door's for the manager's own services and for agents.
const insecurePort = "8101"

// admitBefore40 lets everybody do everything unless security is on and nginx says that it was not asked on the internal port.
// A deployer may do all but delete, a viewer only look.
func (s *Service) admitBefore40(r *request) error {
	if !s.Userstore.Enabled || r.Header.Get("X-Server-Port") == insecurePort {
		r.viewer = store.Viewer{Admin: true}
		return nil
	}
	name, password, _ := r.BasicAuth()
	roles, ok := s.Userstore.Roles(name, password)
	if !ok {
		return fail(http.StatusUnauthorized, "unauthorized_error", "User unauthorized")
	}
	r.viewer = store.Viewer{Username: name, Admin: slices.Contains(roles, "administrator")}
	if r.viewer.Admin || r.Method == http.MethodGet && slices.Contains(roles, "viewer") || r.Method != http.MethodDelete && slices.Contains(roles, "deployer") {
		return nil
	}
	return fail(http.StatusUnauthorized, "unauthorized_error", "User %s is not permitted to %s %s", name, r.Method, r.URL.Path)
}

// body decodes a request's JSON object.
func body(r *request, into any) error {
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxUpload)).Decode(into); err != nil {
		return fail(http.StatusBadRequest, "bad_parameters_error", "the request is no JSON object: %v", err)
	}
	return nil
}

func taken(err error, what, id string) error {
	if errors.Is(err, store.ErrConflict) {
		return fail(http.StatusConflict, "conflict_error", "%s with ID `%s` already exists", what, id)
	}
	return err
}

// answerWith shows the resource after the request was done.
func (s *Service) answerWith(r *request, status int, resource, id string, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	row, err := s.Documents.Get(r.Context(), r.viewer, resource, id)
	if err != nil {
		return 0, nil, err
	}
	return status, row, answerWorkflows(resource, row)
}

// remove deletes a resource and its files, and shows what it was.
func (s *Service) remove(r *request, resource, id string, folders []string, do func() error) (int, any, error) {
	row, err := s.Documents.Get(r.Context(), r.viewer, resource, id)
	if err != nil {
		return 0, nil, err
	}
	if err := do(); err != nil {
		return 0, nil, err
	}
	for _, kind := range folders {
		if err := os.RemoveAll(s.folder(kind, r.viewer, id)); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, row, answerWorkflows(resource, row)
}

func (s *Service) deleteBlueprint(r *request) (int, any, error) {
	id := r.PathValue("id")
	return s.remove(r, "blueprints", id, []string{"blueprints", "uploaded-blueprints"}, func() error {
		err := s.Documents.DeleteBlueprint(r.Context(), id)
		if errors.Is(err, store.ErrInUse) {
			return fail(http.StatusBadRequest, "dependent_exists_error", "Can't delete blueprint %s - There exist deployments for this blueprint", id)
		}
		return err
	})
}

func (s *Service) createDeployment(r *request) (int, any, error) {
	id := r.PathValue("id")
	if !s.validID(id) {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is no id for a deployment", id)
	}
	in := struct {
		Blueprint string          `json:"blueprint_id"`
		Inputs    json.RawMessage `json:"inputs"`
	}{Inputs: json.RawMessage(`{}`)}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	if err := s.Documents.CreateDeployment(r.Context(), id, in.Blueprint, in.Inputs); err != nil {
		return 0, nil, taken(err, "Deployment", id)
	}
	readme := filepath.Join(s.folder("deployments", r.viewer, id), "README")
	if err := durable.WriteFile(readme, []byte("Resources of deployment "+id+"\n"), 0o644); err != nil {
		return 0, nil, err
	}
	err := s.Documents.InsertExecution(r.Context(), r.viewer, store.Start{ID: newID(), Deployment: id, Workflow: "create_deployment_environment",
		Parameters: json.RawMessage(`{"policy_configuration": {"policy_types": {}, "groups": {}}}`)})
	return s.answerWith(r, http.StatusCreated, "deployments", id, err)
}

func (s *Service) deleteDeployment(r *request) (int, any, error) {
	id := r.PathValue("id")
	return s.remove(r, "deployments", id, []string{"deployments"}, func() error { return s.Documents.DeleteDeployment(r.Context(), id) })
}

// changeInstance takes a state and runtime properties together with the version that the client has seen.
func (s *Service) changeInstance(r *request) (int, any, error) {
	var in struct {
		Version *int            `json:"version"`
		State   json.RawMessage `json:"state"`
		Runtime json.RawMessage `json:"runtime_properties"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Version == nil {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "version must be given")
	}
	changed := map[string]any{}
	if in.State != nil {
		changed["state"] = in.State
	}
	if in.Runtime != nil {
		changed["runtime_properties"] = in.Runtime
	}
	id := r.PathValue("id")
	err := s.Documents.ChangeInstance(r.Context(), id, *in.Version, changed)
	if errors.Is(err, store.ErrConflict) {
		err = fail(http.StatusConflict, "conflict_error", "Node instance update conflict: %s is not at version %d", id, *in.Version)
	}
	return s.answerWith(r, http.StatusOK, "node-instances", id, err)
}

// uploadPlugin takes a wagon: a tar.gz with package.json.
func (s *Service) uploadPlugin(r *request) (int, any, error) {
	archive, err := readUpload(r)
	if err != nil {
		return 0, nil, err
	}
	text, err := archived(archive, func(name string) bool { return path.Base(name) == "package.json" })
	var about map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	var name string
	if err == nil {
		err = json.Unmarshal(about["archive_name"], &name)
	}
	if err != nil || name != filepath.Base(name) {
		return 0, nil, fail(http.StatusBadRequest, "invalid_plugin_error", "package.json with an archive_name: %v", err)
	}
	id := newID()
	if err := durable.WriteFile(filepath.Join(s.folder("plugins", r.viewer, id), name), archive, 0o644); err != nil {
		return 0, nil, err
	}
	if err := s.Documents.AddPlugin(r.Context(), id, name, about); err != nil {
		return 0, nil, err
	}
	parameters, err := json.Marshal(map[string]any{"plugin": map[string]any{"id": id, "package_name": about["package_name"], "package_version": about["package_version"]}})
	if err != nil {
		return 0, nil, err
	}
	err = s.Documents.InsertExecution(r.Context(), r.viewer, store.Start{ID: newID(), Workflow: "install_plugin", Parameters: parameters})
	return s.answerWith(r, http.StatusCreated, "plugins", id, err)
}

func (s *Service) deletePlugin(r *request) (int, any, error) {
	id := r.PathValue("id")
	return s.remove(r, "plugins", id, []string{"plugins"}, func() error { return s.Documents.Delete(r.Context(), "plugins", id) })
}

func (s *Service) createSnapshot(r *request) (int, any, error) {
	id := r.PathValue("id")
	if !s.validID(id) {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is no id for a snapshot", id)
	}
	if err := s.Documents.AddSnapshot(r.Context(), id); err != nil {
		return 0, nil, taken(err, "Snapshot", id)
	}
	parameters, err := json.Marshal(map[string]any{"snapshot_id": id, "include_metrics": false, "config": map[string]any{}})
	if err != nil {
		return 0, nil, err
	}
	execution := newID()
	err = s.Documents.InsertExecution(r.Context(), r.viewer, store.Start{ID: execution, Workflow: "create_snapshot", Parameters: parameters})
	return s.answerWith(r, http.StatusCreated, "executions", execution, err)
}

func (s *Service) deleteSnapshot(r *request) (int, any, error) {
	id := r.PathValue("id")
	return s.remove(r, "snapshots", id, []string{"snapshots"}, func() error { return s.Documents.Delete(r.Context(), "snapshots", id) })
}

// startUpdate stages an update with its steps and starts the workflow that carries it out.
func (s *Service) startUpdate(r *request) (int, any, error) {
	deployment := r.PathValue("deployment")
	var in struct {
		Steps []store.Step `json:"steps"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	for i := range in.Steps {
		in.Steps[i].ID = stepID
	}
	row, err := s.Documents.Get(r.Context(), r.viewer, "deployments", deployment)
	if err != nil {
		return 0, nil, err
	}
	execution := newID()
	err = s.Documents.InsertExecution(r.Context(), r.viewer, store.Start{ID: execution, Deployment: deployment, Workflow: "update", Parameters: json.RawMessage(`{}`)})
	if errors.Is(err, store.ErrBusy) {
		return 0, nil, fail(http.StatusBadRequest, "existing_running_execution_error", "%v", err)
	}
	if err != nil {
		return 0, nil, err
	}
	plan, err := json.Marshal(map[string]any{"blueprint_id": row["blueprint_id"], "inputs": row["inputs"]})
	if err != nil {
		return 0, nil, err
	}
	id := deployment + "-" + newID()
	err = s.Documents.AddUpdate(r.Context(), id, deployment, execution, plan, in.Steps)
	return s.answerWith(r, http.StatusCreated, "deployment-updates", id, err)
}

// stepID is every step's: the product makes it up once in a process's life.
var stepID = newID()

func (s *Service) finishUpdate(r *request) (int, any, error) {
	id := r.PathValue("id")
	row, err := s.Documents.Get(r.Context(), r.viewer, "deployment-updates", id)
	if err != nil {
		return 0, nil, err
	}
	var steps []store.Step
	if raw, ok := row["steps"].(json.RawMessage); ok {
		err = json.Unmarshal(raw, &steps)
	}
	if err == nil {
		err = s.Documents.FinishUpdate(r.Context(), id, steps)
	}
	return s.answerWith(r, http.StatusOK, "deployment-updates", id, err)
}

func (s *Service) startModification(r *request) (int, any, error) {
	var in struct {
		Deployment string          `json:"deployment_id"`
		Context    json.RawMessage `json:"context"`
		Nodes      map[string]struct {
			Instances int `json:"instances"`
		} `json:"nodes"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	nodes := map[string]int{}
	for name, n := range in.Nodes {
		nodes[name] = n.Instances
	}
	id := newID()
	err := s.Documents.StartModification(r.Context(), id, in.Deployment, in.Context, nodes)
	return s.answerWith(r, http.StatusCreated, "deployment-modifications", id, err)
}

func (s *Service) endModification(status string) handler {
	return func(r *request) (int, any, error) {
		id := r.PathValue("id")
		err := s.Documents.EndModification(r.Context(), id, status)
		if errors.Is(err, store.ErrConflict) {
			err = fail(http.StatusBadRequest, "deployment_modification_already_ended_error", "Modification %s has ended", id)
		}
		return s.answerWith(r, http.StatusOK, "deployment-modifications", id, err)
	}
}

func (s *Service) context(r *request) (int, any, error) {
	row, err := s.Documents.Context(r.Context())
	return http.StatusOK, row, err
}

func (s *Service) setContext(r *request) (int, any, error) {
	var in struct {
		Name    string          `json:"name"`
		Context json.RawMessage `json:"context"`
	}
	if err := body(r, &in); err != nil {
		return 0, nil, err
	}
	if err := s.Documents.SetContext(r.Context(), in.Name, in.Context); err != nil {
		return 0, nil, taken(err, "Provider context", "CONTEXT")
	}
	return http.StatusCreated, map[string]string{"status": "ok"}, nil
}
