package sqltext

import "strings"

// Statements takes SQL apart at the semicolons that end statements. What follows the last
// one is a statement too, unless it is blank.
func Statements(sql string) []string {
	_, marks := Blank(sql)
	var list []string
	start := 0
	for _, m := range marks {
		if m.Top {
			list = append(list, sql[start:m.Offset])
			start = m.Offset + 1
		}
	}
	if bare, _ := Blank(sql[start:]); strings.TrimSpace(bare) != "" {
		list = append(list, sql[start:])
	}
	return list
}

// Tokens are the names, keywords, numbers and signs of SQL in order, without comments and
// strings. Names are as PostgreSQL takes them: in lower case, or as they stand between
// double quotes. The body of a function, in dollar quotes, is taken apart too.
func Tokens(sql string) []string {
	var list []string
	for i := 0; i < len(sql); {
		var n int
		if sql[i] == '$' {
			n = dollarTag(sql[i:]) // begins or ends a body, which is not hidden here
		} else {
			n = hidden(sql, i)
		}
		switch {
		case n > 0 && sql[i] == '"':
			name := strings.TrimSuffix(sql[i+1:i+n], `"`)
			list = append(list, strings.ReplaceAll(name, `""`, `"`))
			i += n
		case n > 0:
			i += n
		case word(sql[i]):
			end := i
			for end < len(sql) && (word(sql[end]) || sql[end] == '$') {
				end++
			}
			list = append(list, strings.ToLower(sql[i:end]))
			i = end
		default:
			if strings.IndexByte(" \t\r\n", sql[i]) < 0 {
				list = append(list, sql[i:i+1])
			}
			i++
		}
	}
	return list
}
