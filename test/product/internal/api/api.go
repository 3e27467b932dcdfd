// Package api is the demo product's REST service: the endpoints, headers, answers and
// errors of the real one at 4.0.1, 4.1.1 and 4.2.0, as far as an upgrade can touch them.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/product"
	"onerpm/test/product/internal/settings"
	"onerpm/test/product/internal/store"
)

// Service answers the API's requests.
type Service struct {
	Release  product.Release
	DB       *store.DB
	Rest     settings.Rest
	Security settings.Security
	Units    []string // systemd units that /status shows
}

// failure is an answer that is not a success, in the product's shape.
type failure struct {
	Status    int    `json:"-"`
	Message   string `json:"message"`
	Code      string `json:"error_code"`
	Traceback string `json:"server_traceback"`
}

func (f *failure) Error() string { return f.Message }

func fail(status int, code, format string, a ...any) error {
	return &failure{Status: status, Code: code, Message: fmt.Sprintf(format, a...)}
}

// request is an HTTP request with what the middleware found out about it.
type request struct {
	*http.Request
	version string // of the API: v1 ... v3.1
	viewer  store.Viewer
	user    store.User
}

type handler func(*request) (status int, answer any, err error)

// need says what a request must bring.
type need int

const (
	nothing  need = iota
	aUser         // credentials
	aTenant       // credentials and a Tenant header
	external = 1 << 8
)

// Handler returns the service's HTTP handler.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, n need, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /api/{version}"+path, s.wrap(n, h))
	}
	route("GET /version", nothing, s.version)
	route("GET /status", aUser, s.status)
	route("GET /maintenance", aUser, s.maintenance)
	route("POST /maintenance/{action}", aUser, s.setMaintenance)
	route("GET /tokens", aUser|external, s.token)
	route("GET /tenants", aUser|external, s.list("tenants"))
	route("POST /tenants/{id}", aUser|external, s.createTenant)
	route("GET /users", aUser|external, s.list("users"))
	route("GET /user-groups", aUser|external, s.list("user-groups"))
	for _, name := range []string{"blueprints", "deployments", "executions", "nodes", "node-instances", "plugins", "secrets",
		"snapshots", "deployment-updates", "deployment-modifications", "events"} {
		route("GET /"+name, aTenant|external, s.list(name))
		if name != "events" && name != "secrets" && name != "nodes" {
			route("GET /"+name+"/{id}", aTenant|external, s.get(name))
		}
	}
	route("PUT /blueprints/{id}", aTenant|external, s.uploadBlueprint)
	route("POST /executions", aTenant|external, s.startExecution)
	route("POST /executions/{id}", aTenant|external, s.actOnExecution)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, 0, nil, fail(http.StatusNotFound, "not_found_error", "%s %s: no such endpoint", r.Method, r.URL.Path))
	})
	return mux
}

func (s *Service) wrap(n need, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{Request: r, version: r.PathValue("version")}
		status, answer, err := s.serve(req, n, h)
		s.answer(w, status, answer, err)
	})
}

func (s *Service) serve(r *request, n need, h handler) (int, any, error) {
	switch r.version {
	case "v1", "v2", "v2.1", "v3", "v3.1":
	default:
		return 0, nil, fail(http.StatusNotFound, "not_found_error", "no API version %s", r.version)
	}
	if n&external != 0 && s.underMaintenance() && !bypass(r) {
		return 0, nil, fail(http.StatusServiceUnavailable, "maintenance_mode_active", "Your request was rejected since Cloudify Manager is currently in maintenance mode")
	}
	if n&^external >= aUser {
		if err := s.authenticate(r); err != nil {
			return 0, nil, err
		}
	}
	if n&^external >= aTenant {
		if err := s.chooseTenant(r); err != nil {
			return 0, nil, err
		}
	}
	return h(r)
}

func (s *Service) authenticate(r *request) error {
	wrong := fail(http.StatusUnauthorized, "unauthorized_error", "User unauthorized")
	find := func() (store.User, bool, error) {
		if name, password, ok := r.BasicAuth(); ok {
			u, err := s.DB.UserByName(r.Context(), name)
			return u, err == nil && account.CheckPassword(s.Security, u.Password, password), err
		}
		token := r.Header.Get("Authentication-Token")
		id, ok := account.TokenUser(s.Security, token)
		if !ok {
			return store.User{}, false, nil
		}
		u, err := s.DB.UserByID(r.Context(), id)
		return u, err == nil && account.SameToken(token, account.Token(s.Security, u.ID, u.TokenKey)), err
	}
	u, ok, err := find()
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !ok || !u.Active {
		return wrong
	}
	r.user = u
	r.viewer = store.Viewer{UserID: u.ID, Username: u.Username, Admin: u.Admin}
	return nil
}

func (s *Service) chooseTenant(r *request) error {
	name := r.Header.Get("Tenant")
	if name == "" {
		return fail(http.StatusUnauthorized, "unauthorized_error", "Authorization failed: tenant name is missing in the request's header")
	}
	id, err := s.DB.TenantFor(r.Context(), r.user, name)
	if errors.Is(err, store.ErrNotFound) {
		return s.forbidden("User %s is not permitted to access tenant %s", r.user.Username, name)
	}
	r.viewer.TenantID, r.viewer.TenantName = id, name
	return err
}

func (s *Service) forbidden(format string, a ...any) error {
	code := "unauthorized_error"
	if s.Release.ForbidsWith == http.StatusForbidden {
		code = "forbidden_error"
	}
	return fail(s.Release.ForbidsWith, code, format, a...)
}

func (s *Service) onlyAdmin(r *request) error {
	if r.viewer.Admin {
		return nil
	}
	return s.forbidden("User %s is not permitted to perform the action", r.user.Username)
}

func (s *Service) answer(w http.ResponseWriter, status int, answer any, err error) {
	var f *failure
	switch {
	case errors.As(err, &f):
	case errors.Is(err, store.ErrNotFound):
		f = &failure{Status: http.StatusNotFound, Code: "not_found_error", Message: "Requested resource was not found"}
	case err != nil:
		log.Printf("internal error: %v", err)
		f = &failure{Status: http.StatusInternalServerError, Code: "internal_server_error", Message: "Internal error occurred in manager REST server"}
	}
	if f != nil {
		status, answer = f.Status, f
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Printf("answer: %v", err)
	}
}
