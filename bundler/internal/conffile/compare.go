package conffile

// Change is one difference between two versions of a file.
type Change struct {
	Op  string `json:"op"`            // "+", "-" or "~"
	Key string `json:"key,omitempty"` // "" in a text, where a change is a line
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// maxTable bounds the work of comparing two texts, in pairs of lines.
const maxTable = 4 << 20

// Compare tells how a file changes, as Read took both versions apart: by key where
// there are keys, otherwise by line, in the order of the files. Two values that
// differ in the names of their placeholders alone are equal.
func Compare(format string, old, new []Entry) []Change {
	switch format {
	case "text":
		return compareLines(old, new)
	case "env":
		oldLines, oldKeys := split(old)
		newLines, newKeys := split(new)
		return append(compareKeys(oldKeys, newKeys), compareLines(oldLines, newLines)...)
	}
	return compareKeys(old, new)
}

// split parts the lines of an env file that are no KEY=value from its keys.
func split(all []Entry) (lines, keys []Entry) {
	for _, e := range all {
		if e.Key == "" {
			lines = append(lines, e)
		} else {
			keys = append(keys, e)
		}
	}
	return lines, keys
}

func compareKeys(old, new []Entry) []Change {
	var out []Change
	was := map[string]Entry{}
	for _, e := range old {
		was[e.Key] = e
	}
	is := map[string]bool{}
	for _, e := range new {
		before, had := was[e.Key]
		switch {
		case is[e.Key]: // a key that stands there twice
		case !had:
			out = append(out, Change{Op: "+", Key: e.Key, New: e.Value})
		case !Same(before.Value, e.Value):
			out = append(out, Change{Op: "~", Key: e.Key, Old: before.Value, New: e.Value})
		}
		is[e.Key] = true
	}
	for _, e := range old {
		if !is[e.Key] {
			is[e.Key] = true
			out = append(out, Change{Op: "-", Key: e.Key, Old: e.Value})
		}
	}
	return out
}

// compareLines finds the lines that go and come around the longest common rest.
func compareLines(old, new []Entry) []Change {
	for len(old) > 0 && len(new) > 0 && Same(old[0].Value, new[0].Value) {
		old, new = old[1:], new[1:]
	}
	for len(old) > 0 && len(new) > 0 && Same(old[len(old)-1].Value, new[len(new)-1].Value) {
		old, new = old[:len(old)-1], new[:len(new)-1]
	}
	var out []Change
	gone := func(e Entry) { out = append(out, Change{Op: "-", Old: e.Value}) }
	come := func(e Entry) { out = append(out, Change{Op: "+", New: e.Value}) }
	common := table(old, new)
	i, j := 0, 0
	for i < len(old) && j < len(new) {
		switch {
		case common == nil, common[i+1][j] >= common[i][j+1] && !Same(old[i].Value, new[j].Value):
			gone(old[i])
			i++
		case Same(old[i].Value, new[j].Value):
			i, j = i+1, j+1
		default:
			come(new[j])
			j++
		}
	}
	for ; i < len(old); i++ {
		gone(old[i])
	}
	for ; j < len(new); j++ {
		come(new[j])
	}
	return out
}

// table gives, for every pair of places, the length of the longest common
// subsequence behind them; nil when there are too many.
func table(old, new []Entry) [][]int32 {
	if len(old)*len(new) > maxTable {
		return nil
	}
	rows := make([][]int32, len(old)+1)
	for i := range rows {
		rows[i] = make([]int32, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if Same(old[i].Value, new[j].Value) {
				rows[i][j] = rows[i+1][j+1] + 1
			} else {
				rows[i][j] = max(rows[i+1][j], rows[i][j+1])
			}
		}
	}
	return rows
}
