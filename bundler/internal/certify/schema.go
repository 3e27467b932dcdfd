package certify

import (
	"context"
	"regexp"
	"strings"

	"onerpm/internal/hostconf/connection"
	"onerpm/internal/manifest"
)

// lookSchema reads what a database is made of, with owners and grants, in pg_dump's words.
func (r *run) lookSchema(ctx context.Context, db manifest.Database, a connection.Address) (map[string]string, error) {
	out, err := r.machine.must(ctx, "dump the schema of "+a.Database, r.client(db, a, "pg_dump")+
		` --schema-only --exclude-schema=`+ownSchema(r.m.Prefix))
	if err != nil {
		return nil, err
	}
	return schemaOf(out), nil
}

// header begins an object in a dump.
var header = regexp.MustCompile(`(?m)^--\n-- Name: (.*); Type: (.*); Schema: (.*); Owner: (.*)\n--\n`)

// schemaOf splits a dump of a schema into its objects.
func schemaOf(dump string) map[string]string {
	objects := map[string]string{}
	at := header.FindAllStringSubmatchIndex(dump, -1)
	for i, m := range at {
		end := len(dump)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		text := func(n int) string { return dump[m[2*n]:m[2*n+1]] }
		name := text(2) + " " + strings.TrimPrefix(text(3)+"."+text(1), "-.")
		objects[name] += "owner " + text(4) + "\n" + statements(dump[m[1]:end])
	}
	return objects
}

// statements are the lines of a dump that say something of an object: no comment, no setting and no word to psql.
func statements(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if plain := strings.TrimSpace(line); plain != "" && !strings.HasPrefix(plain, "--") && !strings.HasPrefix(plain, `\`) && !strings.HasPrefix(line, "SET default_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// differs is the first line in which two definitions differ, of either.
func differs(before, now string) (b, n string) {
	x, y := strings.Split(before, "\n"), strings.Split(now, "\n")
	for i := range max(len(x), len(y)) {
		if line := lineAt(x, i); line != lineAt(y, i) {
			return strings.TrimSpace(line), strings.TrimSpace(lineAt(y, i))
		}
	}
	return "", ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}
