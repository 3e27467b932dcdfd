// Package runcommand plays documents of AWS Systems Manager's Run Command in tests: it substitutes parameters and does the
// steps, as what runs on a machine for AWS does. A bucket is a folder of files here, by address.
package runcommand

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Document is a document of schema version 2.2, as far as this project writes any: what AWS's pages say that a document of
// that version has, and nothing else. No schema of AWS's own for it can be had.
type Document struct {
	SchemaVersion string               `yaml:"schemaVersion"`
	Description   string               `yaml:"description"`
	Parameters    map[string]Parameter `yaml:"parameters"`
	MainSteps     []Step               `yaml:"mainSteps"`
}

// Parameter is one of a document.
type Parameter struct {
	Type           string   `yaml:"type"`
	Description    string   `yaml:"description"`
	Default        string   `yaml:"default"`
	AllowedValues  []string `yaml:"allowedValues"`
	AllowedPattern string   `yaml:"allowedPattern"`
}

// Step is what one plugin does.
type Step struct {
	Name         string `yaml:"name"`
	Action       string `yaml:"action"`
	Precondition struct {
		StringEquals []string `yaml:"StringEquals"`
	} `yaml:"precondition"`
	Inputs map[string]any `yaml:"inputs"`
}

// Read reads a document; what Document does not have is an error.
func Read(path string) (Document, error) {
	var d Document
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&d)
	}
	return d, err
}

// Machine is where a document is played.
type Machine interface {
	Put(path string, content []byte) error
	Script(script string) (stdout, stderr string, code int, err error) // by /bin/sh
}

// Played is how it ended.
type Played struct {
	Stdout, Stderr string
	Code           int // -1 when it was not begun
}

// Play plays the document; bucket has the file of each address.
func (d Document) Play(m Machine, bucket, values map[string]string) (Played, error) {
	if why := d.refuses(values); why != "" {
		return Played{Stderr: why, Code: -1}, nil
	}
	var p Played
	for _, step := range d.MainSteps {
		switch step.Action {
		case "aws:downloadContent":
			var from struct {
				Path string `json:"path"`
			}
			info, err := d.text(step.Inputs["sourceInfo"], values)
			if err == nil {
				err = json.Unmarshal([]byte(info), &from)
			}
			to, textErr := d.text(step.Inputs["destinationPath"], values)
			if err != nil || textErr != nil {
				return p, fmt.Errorf("step %s: %w, %w", step.Name, err, textErr)
			}
			content, err := os.ReadFile(bucket[from.Path])
			if err != nil {
				return Played{Stderr: err.Error(), Code: 1}, nil
			}
			if err := m.Put(to, content); err != nil {
				return p, err
			}
		case "aws:runShellScript":
			lines, ok := step.Inputs["runCommand"].([]any)
			if !ok {
				return p, fmt.Errorf("step %s has no script", step.Name)
			}
			script := ""
			for _, l := range lines {
				line, err := d.text(l, values)
				if err != nil {
					return p, err
				}
				script += line + "\n"
			}
			var err error
			if p.Stdout, p.Stderr, p.Code, err = m.Script(script); err != nil || p.Code != 0 {
				return p, err
			}
		default:
			return p, fmt.Errorf("step %s: %s is not known here", step.Name, step.Action)
		}
	}
	return p, nil
}

// refuses says what is wrong with values of parameters.
func (d Document) refuses(values map[string]string) string {
	for name, p := range d.Parameters {
		v := values[name]
		if p.AllowedPattern != "" && !regexp.MustCompile(p.AllowedPattern).MatchString(v) || p.AllowedValues != nil && !slices.Contains(p.AllowedValues, v) {
			return fmt.Sprintf("parameter %s: %q is not allowed", name, v)
		}
	}
	return ""
}

var reference = regexp.MustCompile(`\{\{ *(\w+) *\}\}`)

// text is an input with the values of its parameters.
func (d Document) text(input any, values map[string]string) (string, error) {
	s, ok := input.(string)
	if !ok {
		return "", fmt.Errorf("%v is no text", input)
	}
	var err error
	s = reference.ReplaceAllStringFunc(s, func(found string) string {
		name := strings.Trim(found, "{} ")
		if _, ok := d.Parameters[name]; !ok {
			err = fmt.Errorf("there is no parameter %s", name)
		}
		return values[name]
	})
	return s, err
}
