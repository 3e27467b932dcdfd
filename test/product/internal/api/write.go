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

	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/store"
)

const maxUpload = 64 << 20 // bytes

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func validID(id string) bool { return idPattern.MatchString(id) }

// uploadBlueprint stores the archive under the file server's folder, then the row.
func (s *Service) uploadBlueprint(r *request) (int, any, error) {
	id := r.PathValue("id")
	if !validID(id) {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is no id for a blueprint", id)
	}
	taken := fail(http.StatusConflict, "conflict_error", "Blueprint with ID `%s` already exists", id)
	if _, err := s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["blueprints"], id); err == nil {
		return 0, nil, taken
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxUpload))
	if err != nil {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "the archive could not be read: %v", err)
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
	plan, err := json.Marshal(map[string]any{"blueprint_id": id, "main_file": mainFile, "archive_size": len(body), "nodes": []any{}})
	if err != nil {
		return 0, nil, err
	}
	file := filepath.Join(s.Rest.FileRoot, "blueprints", r.viewer.TenantName, id, id+".tar.gz")
	if err := durable.WriteFile(file, body, 0o644); err != nil {
		return 0, nil, err
	}
	err = s.DB.InsertBlueprint(r.Context(), r.viewer, id, mainFile, q.Get("description"), plan, sharing)
	if errors.Is(err, store.ErrConflict) {
		return 0, nil, taken
	}
	if err != nil {
		return 0, nil, err
	}
	row, err := s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["blueprints"], id)
	return http.StatusCreated, row, err
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
	deployment, err := s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["deployments"], in.Deployment)
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
	err = s.DB.InsertExecution(r.Context(), r.viewer, store.Start{
		ID: id, Deployment: in.Deployment, Workflow: in.Workflow, Parameters: in.Parameters, Force: isTrue(in.Force),
	})
	if errors.Is(err, store.ErrBusy) {
		return 0, nil, fail(http.StatusBadRequest, "existing_running_execution_error", "%v; to execute this workflow anyway, use force", err)
	}
	if err != nil {
		return 0, nil, err
	}
	row, err := s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["executions"], id)
	return http.StatusCreated, row, err
}

func hasWorkflow(deployment store.Row, name string) bool {
	raw, _ := deployment["workflows"].(json.RawMessage)
	var workflows []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(raw, &workflows); err != nil {
		return false
	}
	for _, w := range workflows {
		if w.Name == name {
			return true
		}
	}
	return false
}

func (s *Service) actOnExecution(r *request) (int, any, error) {
	var in struct {
		Action string `json:"action"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil || (in.Action != "cancel" && in.Action != "force-cancel") {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "action must be cancel or force-cancel")
	}
	row, err := s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["executions"], r.PathValue("id"))
	if err != nil {
		return 0, nil, err
	}
	err = s.DB.CancelExecution(r.Context(), r.viewer, r.PathValue("id"), in.Action == "force-cancel")
	if errors.Is(err, store.ErrConflict) {
		return 0, nil, fail(http.StatusBadRequest, "illegal_action_error", "Can't cancel execution %s because it's in status %v", r.PathValue("id"), row["status"])
	}
	if err != nil {
		return 0, nil, err
	}
	row, err = s.DB.Get(r.Context(), r.viewer, s.DB.Resources()["executions"], r.PathValue("id"))
	return http.StatusOK, row, err
}

// newID returns a random UUID.
func newID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
