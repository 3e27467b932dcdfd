package manifest

import (
	"path"
	"strings"
)

// FormatOf returns the format that a configuration file has by its name: json,
// yaml, env or text.
func FormatOf(target string) string {
	switch {
	case strings.HasSuffix(target, ".json"):
		return "json"
	case strings.HasSuffix(target, ".yaml"), strings.HasSuffix(target, ".yml"):
		return "yaml"
	case path.Dir(target) == "/etc/sysconfig":
		return "env"
	}
	return "text"
}
