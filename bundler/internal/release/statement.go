package release

import (
	"regexp"
	"strings"

	"onerpm/internal/sqltext"
)

// statement is where a statement of a migration stands, without the space around it and its semicolon.
type statement struct {
	from, to int  // bytes from the start
	open     bool // it has no semicolon
}

// inner is a semicolon that ends no statement.
type inner struct {
	offset int
	of     string // what it is inside of
}

var (
	bodyBegins = regexp.MustCompile(`(?is)^CREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b.*\bBEGIN\s+ATOMIC\b`)
	emptyBody  = regexp.MustCompile(`(?is)\bATOMIC\s+END$`)

	// Goose runs a whole file in one transaction, and notes in it that the file was applied. One
	// that the file ends itself leaves half of it done. Going back to a savepoint ends nothing.
	control     = regexp.MustCompile(`(?is)^(COMMIT|END|ROLLBACK|ABORT|BEGIN|START\s+TRANSACTION|PREPARE\s+TRANSACTION)\b`)
	toSavepoint = regexp.MustCompile(`(?is)^ROLLBACK\s+((WORK|TRANSACTION)\s+)?TO\b`)

	copyFromStdin = regexp.MustCompile(`(?is)^COPY\b.*\bFROM\s+STDIN\b`)
	metaCommand   = regexp.MustCompile(`\\\S*`)
)

// cut finds the statements of SQL whose quotes and comments are blank, and the semicolons
// that end none: in quotes, and in a function's body between BEGIN ATOMIC and END.
func cut(bare string, marks []sqltext.Semicolon) (list []statement, inside []inner) {
	next := func(from, to int, open bool) {
		text := strings.Trim(bare[from:to], "; \t\r\n")
		if text != "" {
			from += strings.Index(bare[from:to], text)
			list = append(list, statement{from, from + len(text), open})
		}
	}
	begin, end, body := 0, 0, false // of the statement; behind the last semicolon; between BEGIN ATOMIC and END
	for _, m := range marks {
		if !m.Top {
			inside = append(inside, inner{m.Offset, "quotes"})
			continue
		}
		part := strings.TrimSpace(bare[end:m.Offset])
		end = m.Offset + 1
		if body = body && !strings.EqualFold(part, "END") || !body && bodyBegins.MatchString(part) && !emptyBody.MatchString(part); body {
			inside = append(inside, inner{m.Offset, "a function's body"})
			continue
		}
		next(begin, m.Offset, false)
		begin = end
	}
	next(begin, len(bare), true)
	return list, inside
}

// foreign says what a statement does that a migration must not do, and what may stand
// there instead; "" for nothing.
func foreign(statement string) (what, allowed string) {
	switch word := control.FindString(statement); {
	case word != "" && !toSavepoint.MatchString(statement):
		return strings.ToUpper(strings.Join(strings.Fields(word), " ")) + " begins or ends a transaction",
			"leave it out: goose runs a migration in one transaction, so that all of it is done or nothing; SAVEPOINT may be used"
	case copyFromStdin.MatchString(statement):
		return "COPY from STDIN has no input here", "write the rows as INSERT"
	case strings.Contains(statement, `\`):
		return metaCommand.FindString(statement) + " is a command of psql, not SQL", "only SQL: goose sends the statements to the server"
	}
	return "", ""
}
