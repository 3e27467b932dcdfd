package dump_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

var update = flag.Bool("update", false, "write what TestPairs has run into docs/postgresql.md")

// outcome is how one thing ended.
type outcome struct {
	what               string
	of, by, into, with version
	result             string
}

// What was tried.
const (
	dumped    = "dumped"
	restored  = "restored"
	rehearsed = "rehearsed"
	loaded    = "loaded"
	checked   = "checked"
)

// The part of the page that a run writes is between these.
const (
	pageFile  = "../../../docs/postgresql.md"
	pageBegin = "<!-- made by make test-postgresql -->\n"
	pageEnd   = "<!-- end -->\n"
)

// page writes what was run, when -update says so and nothing failed.
func (p *pairs) page() {
	p.Helper()
	if !*update || p.Failed() {
		return
	}
	text, err := os.ReadFile(pageFile)
	if err != nil {
		p.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), pageBegin)
	_, after, ends := strings.Cut(rest, pageEnd)
	if !ok || !ends {
		p.Fatalf("%s has not the lines %q and %q", pageFile, pageBegin, pageEnd)
	}
	if err := os.WriteFile(pageFile, []byte(before+pageBegin+p.tables(time.Now())+pageEnd+after), 0o644); err != nil {
		p.Fatal(err)
	}
}

// tables are those of the page.
func (p *pairs) tables(now time.Time) string {
	var b strings.Builder
	var servers, clients []version
	for _, v := range p.all {
		if v.serves {
			servers = append(servers, v)
		}
		if v.dumps {
			clients = append(clients, v)
		}
	}
	fmt.Fprintf(&b, "\nRun on %s: servers %s; clients %s.\n", now.UTC().Format(time.DateOnly), names(servers), names(clients))
	for _, t := range []struct{ what, title string }{
		{dumped, "The backup is written and read back; SQL is written by `pg_dump`"},
		{restored, "The backup is put back by hand with `pg_restore`, on the server it is of: how many settings it says it does not know"},
		{rehearsed, "The copy of a rehearsal, on a server of the client's version"},
	} {
		fmt.Fprintf(&b, "\n%s:\n\n| server | %s |\n|%s\n", t.title, strings.ReplaceAll(names(clients), ", ", " | "), strings.Repeat(" --- |", len(clients)+1))
		for _, s := range servers {
			fmt.Fprintf(&b, "| %s |", s.version)
			for _, c := range clients {
				fmt.Fprintf(&b, " %s |", p.count(func(o outcome) bool { return o.what == t.what && o.of == s && o.by == c }))
			}
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "\nDumps loaded as by `bundler check --database --dump`: a row is a server with the client that loads, a column the server that they are of. Each is there as an archive and as SQL, of every client not older than its server. The number of those that passed, and of archives that this client is too old for:\n\n"+
		"| into, with | %s | 4.1.1-4.2.0 checked |\n|%s\n", strings.ReplaceAll(names(servers), ", ", " | "), strings.Repeat(" --- |", len(servers)+2))
	for _, into := range servers {
		for _, with := range p.clients(into) {
			fmt.Fprintf(&b, "| %s, %s |", into.version, with.version)
			for _, of := range servers {
				fmt.Fprintf(&b, " %s |", p.count(func(o outcome) bool { return o.what == loaded && o.into == into && o.with == with && o.of == of }))
			}
			fmt.Fprintf(&b, " %s |\n", p.count(func(o outcome) bool { return o.what == checked && o.into == into && o.with == with }))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// count tells how those ended that are meant.
func (p *pairs) count(meant func(outcome) bool) string {
	n, all := map[string]int{}, 0
	for _, o := range p.outcomes {
		if meant(o) {
			n[o.result]++
			all++
		}
	}
	switch {
	case all == 0:
		return ""
	case all == 1:
		for result := range n {
			return result
		}
	case n["passed"] == all:
		return strconv.Itoa(all)
	}
	return fmt.Sprintf("%d, %d refused", n["passed"], n["refused"])
}

func names(list []version) string {
	var all []string
	for _, v := range list {
		all = append(all, v.version)
	}
	return strings.Join(all, ", ")
}
