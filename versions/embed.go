// Package versions carries the configuration files of every release, so that the
// demo product's bootstrap renders the very files that upgrades are planned with: there
// is no second copy that could differ. Everything else here is data for the bundler.
package versions

import "embed"

// Config holds <release>/config/<path on the host>, with <<placeholders>>.
//
//go:embed */config
var Config embed.FS
