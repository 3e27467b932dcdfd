package e2e

import "onerpm/test/machinecheck"

const prefix = machinecheck.Prefix

// What a machine is like, whether it is a release, and the bundle that makes it one: shared with the other tests of whole machines.
var (
	manifestOf      = machinecheck.Manifest
	productPackages = machinecheck.Packages
	wantPackages    = machinecheck.Want
	rows            = machinecheck.Rows
	psql            = machinecheck.SQL
	files           = machinecheck.Files
	same            = machinecheck.Same
	whole           = machinecheck.Whole
	checkNew        = machinecheck.New
	bundle          = machinecheck.Bundle
	give            = machinecheck.Give
)
