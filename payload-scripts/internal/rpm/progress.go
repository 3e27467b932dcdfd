package rpm

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Progress is how far rpm is.
type Progress struct {
	Package string  // name-version-release.arch that rpm works on, "" while it prepares
	Percent float64 // of this package, 0 to 100
}

// progressParser reads what rpm -v --percent prints: lines "%% 12.5", and the
// name of the package that the lines after it speak of.
type progressParser struct {
	report  func(Progress)
	line    []byte
	current Progress
}

// maxLine bounds a line of rpm's output that is kept, in bytes.
const maxLine = 4096

func (p *progressParser) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte("\n"))
		if len(p.line)+len(part) <= maxLine {
			p.line = append(p.line, part...)
		}
		if ended {
			p.end(string(p.line))
			p.line = p.line[:0]
		}
		b = rest
	}
	return n, nil
}

func (p *progressParser) end(line string) {
	if number, ok := strings.CutPrefix(line, "%% "); ok {
		percent, err := strconv.ParseFloat(number, 64)
		// Written so that NaN is out, too.
		if err != nil || !(percent >= 0 && percent <= 100) ||
			p.current.Package == "" {
			return
		}
		p.current.Percent = percent
		p.report(p.current)
		return
	}
	// "Preparing packages..." and "Verifying packages..." have a space, a package's name has none.
	if line != "" && !strings.Contains(line, " ") {
		p.current = Progress{Package: line}
		p.report(p.current)
	}
}

// follow reports rpm's progress out of the file that it writes to, until the
// returned function is called.
func follow(path string, report func(Progress)) (stop func()) {
	if report == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		f, err := os.Open(path)
		if err != nil {
			return
		}
		defer f.Close() //nolint:errcheck // read only
		parser := progressParser{report: report}
		for {
			if _, err := io.Copy(&parser, f); err != nil {
				return
			}
			select {
			case <-done:
				_, _ = io.Copy(&parser, f)
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}
