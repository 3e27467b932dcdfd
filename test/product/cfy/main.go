// Command cfy is the demo product's command line.
package main

func main() {}
