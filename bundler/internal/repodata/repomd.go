package repodata

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Set is one generation's metadata.
type Set struct {
	Repomd   []byte // repomd.xml, which is what gets signed
	Revision int64  // seconds since 1970; never falls from one generation to the next
	Files    []File // primary, filelists and other
}

// File is one list as it lies in repodata/, compressed.
type File struct {
	Type       string // primary, filelists or other
	Name       string // e.g. <SHA256>-primary.xml.gz
	Path       string // where it is on this machine; "" when it was not fetched yet
	SHA256     string
	Size       int64  // bytes
	OpenSHA256 string // of the list uncompressed
	OpenSize   int64  // bytes of the list uncompressed
}

func fileName(k kind, sum string) string { return sum + "-" + k.name + ".xml.gz" }

// Load reads the generation whose repomd.xml and lists lie in dir. The lists are
// checked when they are read, not here.
func Load(dir string) (*Set, error) {
	path := filepath.Join(dir, "repomd.xml")
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("load repository metadata: %w", err)
	}
	if info.Size() > MaxRepomd {
		return nil, malformed("repomd.xml", "more than %d bytes", MaxRepomd)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load repository metadata: %w", err)
	}
	s, err := Parse(b)
	if err != nil {
		return nil, err
	}
	for i := range s.Files {
		s.Files[i].Path = filepath.Join(dir, s.Files[i].Name)
	}
	return s, nil
}

// Parse reads a repomd.xml that Write made: what there is to fetch. The caller
// sets the Path of each file before the Set is used.
func Parse(repomd []byte) (*Set, error) {
	if len(repomd) > MaxRepomd {
		return nil, malformed("repomd.xml", "more than %d bytes", MaxRepomd)
	}
	type digest struct {
		Type  string `xml:"type,attr"`
		Value string `xml:",chardata"`
	}
	var doc struct {
		XMLName  xml.Name `xml:"http://linux.duke.edu/metadata/repo repomd"`
		Revision int64    `xml:"revision"`
		Data     []struct {
			Type     string `xml:"type,attr"`
			Checksum digest `xml:"checksum"`
			Open     digest `xml:"open-checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
			Size     int64 `xml:"size"`
			OpenSize int64 `xml:"open-size"`
		} `xml:"data"`
	}
	if err := xml.Unmarshal(repomd, &doc); err != nil {
		return nil, &FormatError{"repomd.xml", err}
	}
	if len(doc.Data) != len(kinds) || doc.Revision < 0 || doc.Revision > maxRevision {
		return nil, malformed("repomd.xml", "%d lists of revision %d", len(doc.Data), doc.Revision)
	}
	s := &Set{Repomd: repomd, Revision: doc.Revision}
	for i, d := range doc.Data {
		f := File{Type: d.Type, SHA256: d.Checksum.Value, Size: d.Size, OpenSHA256: d.Open.Value, OpenSize: d.OpenSize}
		f.Name = fileName(kinds[i], f.SHA256)
		var err error
		switch {
		case d.Type != kinds[i].name:
			err = fmt.Errorf("%q where %s should be", d.Type, kinds[i].name)
		case d.Checksum.Type != "sha256" || d.Open.Type != "sha256" || !isSHA256(f.SHA256) || !isSHA256(f.OpenSHA256):
			err = fmt.Errorf("%s has no SHA-256", f.Type)
		case d.Location.Href != "repodata/"+f.Name:
			err = fmt.Errorf("%s lies at %q", f.Type, d.Location.Href)
		case f.Size <= 0 || f.OpenSize <= 0 || f.OpenSize > maxList || f.Size > maxList:
			err = fmt.Errorf("%s has a size of %d, %d uncompressed", f.Type, f.Size, f.OpenSize)
		}
		if err != nil {
			return nil, &FormatError{"repomd.xml", err}
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// repomd writes repomd.xml.
func repomd(files []File, revision int64) ([]byte, error) {
	w := writer{b: []byte(xmlHeader)}
	w.open(0, "repomd", "xmlns", "http://linux.duke.edu/metadata/repo", "xmlns:rpm", "http://linux.duke.edu/metadata/rpm")
	w.text(1, "revision", number(revision))
	for _, f := range files {
		w.open(1, "data", "type", f.Type)
		w.text(2, "checksum", f.SHA256, "type", "sha256")
		w.text(2, "open-checksum", f.OpenSHA256, "type", "sha256")
		w.empty(2, "location", "href", "repodata/"+f.Name)
		w.text(2, "timestamp", number(revision))
		w.text(2, "size", number(f.Size))
		w.text(2, "open-size", number(f.OpenSize))
		w.close(1, "data")
	}
	w.close(0, "repomd")
	return w.b, w.err
}

// check says whether a Set can be read from.
func (s *Set) check() error {
	if len(s.Files) != len(kinds) {
		return fmt.Errorf("a generation has %d lists, this has %d", len(kinds), len(s.Files))
	}
	var missing []string
	for _, f := range s.Files {
		if f.Path == "" {
			missing = append(missing, f.Name)
		}
	}
	if missing != nil {
		return errors.New("not fetched yet: " + strings.Join(missing, ", "))
	}
	return nil
}
