// Package page makes the download page: which upgrades lead from a release to another,
// and what to do for each.
//
// It promises one HTML file that asks the network for nothing: styles and script are in it, and its
// Content-Security-Policy lets nothing else run, whatever stands in the input. Everything is readable
// without JavaScript; the script filters and copies. Commands on the page are safe to paste whatever
// names and addresses the input has.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"onerpm/bundler/internal/repo"
)

//go:embed assets
var assets embed.FS

// Input is what a page tells.
type Input struct {
	Product   string                   // for people
	Prefix    string                   // <p>: first part of every bundle's name, and the name of the command on the machine
	Base      string                   // URL under which customers read the store; commands name it, links are relative to the page
	Stable    *repo.Index              // nil when the channel is empty
	Testing   *repo.Index              // nil when the channel is empty
	Details   map[string]*repo.Details // of the bundles that Shown names, by their SHA-256; of one that lacks the page tells what its Index says
	Releases  []Release                // in order, oldest first; releases that only the channels know are put in
	Key       string                   // fingerprint of the key that signs, hexadecimal; "" is not shown
	Generated string                   // when, RFC 3339
}

// Release is a release that customers have or ask about.
type Release struct {
	Version string
	Next    string // release that the jump from here leads to, published or not; "" for none
	Why     string // why no way starts here, for releases that cannot be reached; else ""
}

// Render writes the page. The same input gives the same bytes.
func Render(w io.Writer, in Input) error {
	t, err := template.ParseFS(assets, "assets/*.html")
	if err != nil {
		return fmt.Errorf("read the page's templates: %w", err)
	}
	v := newView(in)
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return fmt.Errorf("read the page's styles: %w", err)
	}
	script, err := assets.ReadFile("assets/script.js")
	if err != nil {
		return fmt.Errorf("read the page's script: %w", err)
	}
	v.Style, v.Script = template.CSS(style), template.JS(script) //nolint:gosec // files of this package
	v.Policy = policy(style, script)
	var page bytes.Buffer // whole before the first byte is written: never half a page
	if err := t.ExecuteTemplate(&page, "page.html", v); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// policy allows this style and this script, by their digests, and nothing else.
func policy(style, script []byte) string {
	hash := func(b []byte) string {
		sum := sha256.Sum256(b)
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) +
		"; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
}
