package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"onerpm/test/product/internal/account"
	"onerpm/test/product/internal/durable"
	"onerpm/test/product/internal/store"
)

func (s *Service) version(*request) (int, any, error) {
	return http.StatusOK, map[string]string{
		"edition": s.Release.Edition, "version": s.Release.Version, "build": s.Release.Build,
		"date": s.Release.Date, "commit": s.Release.Commit,
	}, nil
}

type instance struct {
	ID          string `json:"Id"`
	Description string
	LoadState   string
	ActiveState string
	SubState    string
	MainPID     int
	State       string `json:"state"`
}

type serviceStatus struct {
	Name      string     `json:"display_name"`
	Instances []instance `json:"instances"`
}

// status is always "running": the instances tell how the units really are.
func (s *Service) status(r *request) (int, any, error) {
	services := []serviceStatus{}
	for _, unit := range s.Units {
		i := askSystemd(r.Context(), unit)
		services = append(services, serviceStatus{Name: i.Description, Instances: []instance{i}})
	}
	return http.StatusOK, map[string]any{"status": "running", "services": services}, nil
}

func askSystemd(ctx context.Context, unit string) instance {
	i := instance{ID: unit + ".service", Description: unit, State: "down"}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "systemctl", "show", "--no-pager",
		"-p", "Id,Description,LoadState,ActiveState,SubState,MainPID", unit+".service").Output()
	if err != nil {
		return i
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch key {
		case "Id":
			i.ID = value
		case "Description":
			i.Description = value
		case "LoadState":
			i.LoadState = value
		case "ActiveState":
			i.ActiveState = value
		case "SubState":
			i.SubState = value
		case "MainPID":
			i.MainPID, _ = strconv.Atoi(value) // 0 means none anyway
		}
	}
	if i.SubState == "running" {
		i.State = "running"
	}
	return i
}

func (s *Service) token(r *request) (int, any, error) {
	return http.StatusOK, map[string]any{
		"username": r.user.Username, "value": account.Token(s.Security, r.user.ID, r.user.TokenKey), "role": r.user.Role,
	}, nil
}

func (s *Service) createTenant(r *request) (int, any, error) {
	if err := s.onlyAdmin(r); err != nil {
		return 0, nil, err
	}
	name := r.PathValue("id")
	if !validID(name) {
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is no name for a tenant", name)
	}
	password, err := account.NewTokenKey()
	if err != nil {
		return 0, nil, err
	}
	err = s.DB.CreateTenant(r.Context(), name, password)
	if errors.Is(err, store.ErrConflict) {
		return 0, nil, fail(http.StatusConflict, "conflict_error", "Tenant `%s` already exists", name)
	}
	return http.StatusCreated, map[string]any{"name": name, "users": 0, "groups": 0}, err
}

// maintenanceState is what status.json holds. The file survives a restart, and so does the mode.
type maintenanceState struct {
	Status      string `json:"status"` // activated or deactivated
	ActivatedAt string `json:"activated_at"`
	RequestedBy string `json:"requested_by"`
	Remaining   []any  `json:"remaining_executions"`
}

func (s *Service) maintenanceFile() string { return filepath.Join(s.Rest.Maintenance, "status.json") }

func (s *Service) readMaintenance() maintenanceState {
	off := maintenanceState{Status: "deactivated"}
	b, err := os.ReadFile(s.maintenanceFile())
	if err != nil {
		return off
	}
	var m maintenanceState
	if err := json.Unmarshal(b, &m); err != nil {
		log.Printf("%s: %v", s.maintenanceFile(), err)
		return off
	}
	return m
}

func (s *Service) underMaintenance() bool { return s.readMaintenance().Status == "activated" }

// bypass tells whether a request may pass in maintenance mode: it must ask for it and
// come from this host, not through nginx.
func bypass(r *request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("X-BYPASS-MAINTENANCE") != ""
}

func (s *Service) maintenance(*request) (int, any, error) {
	return http.StatusOK, s.readMaintenance(), nil
}

func (s *Service) setMaintenance(r *request) (int, any, error) {
	if err := s.onlyAdmin(r); err != nil {
		return 0, nil, err
	}
	m := maintenanceState{Status: "deactivated"}
	switch action := r.PathValue("action"); action {
	case "activate":
		m = maintenanceState{Status: "activated", ActivatedAt: time.Now().UTC().Format(time.RFC3339), RequestedBy: r.user.Username}
	case "deactivate":
	default:
		return 0, nil, fail(http.StatusBadRequest, "bad_parameters_error", "%q is neither activate nor deactivate", action)
	}
	if s.readMaintenance().Status == m.Status {
		return http.StatusNotModified, m, nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, m, durable.WriteFile(s.maintenanceFile(), b, 0o644)
}
