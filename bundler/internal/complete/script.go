package complete

import "embed"

// Shells are those that there is a script for.
var Shells = []string{"bash", "zsh", "fish"}

//go:embed bundler.bash bundler.zsh bundler.fish
var scripts embed.FS

// Script returns the script for one of Shells.
func Script(shell string) ([]byte, error) { return scripts.ReadFile("bundler." + shell) }
