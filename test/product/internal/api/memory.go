package api

import (
	"net/http"
	"os"
	"strconv"
	"strings"
)

// enoughMemory refuses what may need much when this host has less than the release wants to be available.
func (s *Service) enoughMemory() error {
	least := s.Release.MinMemoryMB
	if s.Rest.MinMemoryMB != nil {
		least = *s.Rest.MinMemoryMB
	}
	if least == 0 {
		return nil
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(info), "\nMemAvailable:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	available, err := strconv.Atoi(kilobytes)
	if err != nil || available/1024 >= least {
		return err
	}
	status := http.StatusServiceUnavailable
	if s.Documents != nil {
		status = http.StatusBadRequest
	}
	return fail(status, "insufficient_memory_error", "Insufficient memory in manager, needed: %dmb, available: %dmb", least, available/1024)
}
