package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"

	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/store"
)

const maxUpload = 64 << 20 // bytes

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func validID(id string) bool { return idPattern.MatchString(id) }

// validID tells an id that a user may give. Before 4.0 that is any that is ASCII and can be a folder's name.
func (s *Service) validID(id string) bool {
	if s.Documents == nil {
		return validID(id)
	}
	return id != "" && id != "." && id != ".." && !strings.ContainsFunc(id, func(c rune) bool { return c < ' ' || c > '~' || c == '/' })
}

// folder is where files of a blueprint or a deployment lie. From 4.0 on each tenant has its own.
func (s *Service) folder(kind string, v store.Viewer, id string) string {
	return filepath.Join(s.Rest.FileRoot, kind, v.TenantName, id)
}

// uploadBlueprint stores the archive under the file server's folder, then the row.
func (s *Service) uploadBlueprint(r *request) (int, any, error) {
	id := r.PathValue("id")
	if !s.validID(id) {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is no id for a blueprint", id)
	}
	taken := fail(http.StatusConflict, "conflict_error", "Blueprint with ID `%s` already exists", id)
	if _, err := s.data().Get(r.Context(), r.viewer, "blueprints", id); err == nil {
		return 0, nil, taken
	}
	body, err := readUpload(r)
	if err != nil {
		return 0, nil, err
	}
	q := r.URL.Query()
	mainFile := q.Get("application_file_name")
	if mainFile == "" {
		mainFile = "blueprint.yaml"
	}
	sharing, err := s.sharing(r)
	if err != nil {
		return 0, nil, err
	}
	plan, err := s.plan(id, mainFile, body)
	if err != nil {
		return 0, nil, err
	}
	if err := durable.WriteFile(filepath.Join(s.folder("blueprints", r.viewer, id), id+".tar.gz"), body, 0o644); err != nil {
		return 0, nil, err
	}
	if s.Documents != nil {
		if err := durable.WriteFile(filepath.Join(s.folder("uploaded-blueprints", r.viewer, id), id+".tar.gz"), body, 0o644); err != nil {
			return 0, nil, err
		}
	}
	err = s.data().InsertBlueprint(r.Context(), r.viewer, id, mainFile, q.Get("description"), plan, sharing)
	if errors.Is(err, store.ErrConflict) {
		return 0, nil, taken
	}
	if err != nil {
		return 0, nil, err
	}
	row, err := s.data().Get(r.Context(), r.viewer, "blueprints", id)
	return http.StatusCreated, row, err
}

func readUpload(r *request) ([]byte, error) {
	archive, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxUpload))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "bad_parameters_error", "the archive could not be read: %v", err)
	}
	return archive, nil
}

// plan returns what a blueprint comes to. From 4.0 on the deployments of sample data are not made of it, and it has no nodes.
func (s *Service) plan(id, mainFile string, archive []byte) ([]byte, error) {
	if s.Documents == nil {
		return json.Marshal(map[string]any{"blueprint_id": id, "main_file": mainFile, "archive_size": len(archive), "nodes": []any{}})
	}
	plan, err := readPlan(archive, mainFile)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "invalid_blueprint_error", "Invalid blueprint - %v", err)
	}
	return json.Marshal(plan)
}

// sharing reads who may see what is uploaded: private_resource, from 4.2.0 also resource_availability.
func (s *Service) sharing(r *request) (store.Sharing, error) {
	q := r.URL.Query()
	if v := store.Sharing(q.Get("resource_availability")); v != "" && s.Release.Availability {
		if v != store.Private && v != store.Tenant && v != store.Global {
			return "", fail(http.StatusBadRequest, "bad_parameters_error", "resource_availability: %q is neither private, tenant nor global", v)
		}
		return v, nil
	}
	if q.Get("private_resource") == "true" {
		return store.Private, nil
	}
	return store.Tenant, nil
}

type startRequest struct {
	Deployment string          `json:"deployment_id"`
	Workflow   string          `json:"workflow_id"`
	Parameters json.RawMessage `json:"parameters"`
	Custom     any             `json:"allow_custom_parameters"` // a bool, or one in a string
	Force      any             `json:"force"`                   // likewise
}

func isTrue(v any) bool { return v == true || v == "true" }

func (s *Service) startExecution(r *request) (int, any, error) {
	var in startRequest
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "the request is no JSON object: %v", err)
	}
	if in.Deployment == "" || in.Workflow == "" {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "deployment_id and workflow_id must be given")
	}
	deployment, err := s.data().Get(r.Context(), r.viewer, "deployments", in.Deployment)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil, fail(http.StatusNotFound, "not_found_error", "Requested `Deployment` with ID `%s` was not found", in.Deployment)
	}
	if err != nil {
		return 0, nil, err
	}
	if !hasWorkflow(deployment, in.Workflow) {
		return 0, nil, fail(http.StatusBadRequest, "nonexistent_workflow_error", "Workflow %s does not exist in deployment %s", in.Workflow, in.Deployment)
	}
	if len(in.Parameters) == 0 || string(in.Parameters) == "null" {
		in.Parameters = json.RawMessage("{}")
	}
	id := newID()
	err = s.data().InsertExecution(r.Context(), r.viewer, store.Start{
		ID: id, Deployment: in.Deployment, Workflow: in.Workflow, Parameters: in.Parameters, Force: isTrue(in.Force),
	})
	if errors.Is(err, store.ErrBusy) {
		return 0, nil, fail(http.StatusBadRequest, "existing_running_execution_error", "%v; to execute this workflow anyway, use force", err)
	}
	if err != nil {
		return 0, nil, err
	}
	row, err := s.data().Get(r.Context(), r.viewer, "executions", id)
	return http.StatusCreated, row, err
}

func hasWorkflow(deployment store.Row, name string) bool {
	raw, _ := deployment["workflows"].(json.RawMessage)
	var workflows map[string]json.RawMessage
	if err := json.Unmarshal(raw, &workflows); err != nil {
		return false
	}
	_, ok := workflows[name]
	return ok
}

func (s *Service) actOnExecution(r *request) (int, any, error) {
	var in struct {
		Action string `json:"action"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil || (in.Action != "cancel" && in.Action != "force-cancel") {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "action must be cancel or force-cancel")
	}
	row, err := s.data().Get(r.Context(), r.viewer, "executions", r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	err = s.data().CancelExecution(r.Context(), r.viewer, r.PathValue("id"), in.Action == "force-cancel")
	if errors.Is(err, store.ErrConflict) {
		return 0, nil, fail(http.StatusBadRequest, "illegal_action_error", "Can't cancel execution %s because it's in status %v", r.PathValue("id"), row["status"])
	}
	if err != nil {
		return 0, nil, err
	}
	row, err = s.data().Get(r.Context(), r.viewer, "executions", r.PathValue("id"))
	return http.StatusOK, row, err
}

// newID returns a random UUID.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
