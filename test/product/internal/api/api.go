// Package api is the demo product's REST service: the endpoints, headers, answers and
// errors of the real one at 3.4.2, 4.0.1, 4.1.1 and 4.2.0, as far as an upgrade can touch them.
package api

import (
	"context"
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
	Release product.Release
	Rest    settings.Rest
	Units   []string // systemd units that /status shows

	DB       *store.DB // with users and tenants; nil before 4.0
	Security settings.Security

	Documents *store.Documents // before 4.0
	Userstore settings.Userstore
}

// data is what the service does at every release.
type data interface {
	List(ctx context.Context, v store.Viewer, resource string, p store.Page) (rows []store.Row, total int, err error)
	Get(ctx context.Context, v store.Viewer, resource, id string) (store.Row, error)
	InsertBlueprint(ctx context.Context, v store.Viewer, id, mainFile, description string, plan json.RawMessage, s store.Sharing) error
	InsertExecution(ctx context.Context, v store.Viewer, s store.Start) error
	CancelExecution(ctx context.Context, v store.Viewer, id string, force bool) error
}

func (s *Service) data() data {
	if s.Documents != nil {
		return s.Documents
	}
	return s.DB
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
	for _, name := range []string{"blueprints", "deployments", "executions", "nodes", "node-instances", "plugins",
		"snapshots", "deployment-updates", "deployment-modifications", "events"} {
		route("GET /"+name, aTenant|external, s.list(name))
		if name != "events" && name != "nodes" {
			route("GET /"+name+"/{id}", aTenant|external, s.get(name))
		}
	}
	route("PUT /blueprints/{id}", aTenant|external, s.uploadBlueprint)
	route("POST /executions", aTenant|external, s.startExecution)
	route("POST /executions/{id}", aTenant|external, s.actOnExecution)
	if s.Documents != nil {
		s.routeBefore40(route)
	} else {
		s.routeFrom40(mux, route)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, 0, nil, fail(http.StatusNotFound, "not_found_error", "%s %s: no such endpoint", r.Method, r.URL.Path))
	})
	return mux
}

// routeFrom40 adds what came with release 4.0.
func (s *Service) routeFrom40(mux *http.ServeMux, route func(string, need, handler)) {
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) {
		status, answer, err := s.version(nil)
		s.answer(w, status, answer, err)
	})
	route("GET /tokens", aUser|external, s.token)
	route("GET /tenants", aUser|external, s.list("tenants"))
	route("POST /tenants/{id}", aUser|external, s.createTenant)
	route("GET /users", aUser|external, s.list("users"))
	route("GET /user-groups", aUser|external, s.list("user-groups"))
	route("GET /secrets", aTenant|external, s.list("secrets"))
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
	case "v1", "v2", "v2.1":
	case "v3", "v3.1":
		if s.Documents == nil {
			break
		}
		fallthrough
	default:
		return 0, nil, fail(http.StatusNotFound, "not_found_error", "no API version %s", r.version)
	}
	if n&external != 0 && s.underMaintenance() && !bypass(r) {
		return 0, nil, fail(http.StatusServiceUnavailable, "maintenance_mode_active", "Your request was rejected since Cloudify Manager is currently in maintenance mode")
	}
	if err := s.admit(r, n&^external); err != nil {
		return 0, nil, err
	}
	return h(r)
}

// admit finds out who asks, and in which tenant.
func (s *Service) admit(r *request, n need) error {
	switch {
	case n == nothing:
		return nil
	case s.Documents != nil:
		return s.admitBefore40(r)
	}
	if err := s.authenticate(r); err != nil || n < aTenant {
		return err
	}
	return s.chooseTenant(r)
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
