package manifest

import (
	"path"
	"slices"
	"strings"
)

// KeyedFormats are the formats of configuration files that have keys; package hostconf reads them.
var KeyedFormats = []string{"json", "yaml", "env", "ini", "toml", "properties"}

// Formats are those, and text: lines.
var Formats = append(slices.Clone(KeyedFormats), "text")

// TextValues reports whether the values of a format with keys are texts alone: it has no numbers, lists and the like.
func TextValues(format string) bool {
	return slices.Contains([]string{"env", "ini", "properties"}, format)
}

// FormatOf returns the format that a configuration file has by its name, text where that says nothing.
func FormatOf(target string) string {
	switch ext := path.Ext(target); ext {
	case ".json", ".yaml", ".ini", ".toml", ".properties":
		return strings.TrimPrefix(ext, ".")
	case ".yml":
		return "yaml"
	}
	if path.Dir(target) == "/etc/sysconfig" {
		return "env"
	}
	return "text"
}
