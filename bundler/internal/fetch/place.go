package fetch

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"onerpm/bundler/internal/exit"
)

// place is where one file or folder lies: on this machine, on a web server, or in S3.
type place interface {
	// open returns the content from offset on, or from its beginning where the server
	// cannot do better. With a tag that is not "", it fails unless the content is still that version.
	open(ctx context.Context, offset int64, tag string) (*content, error)
	join(rel string) place // the place of a relative, slash-separated path under this one
	name() string          // last part of the path
	host() string          // "" on this machine
	String() string        // for people, without secrets
}

// content is a file's bytes as they come.
type content struct {
	body  io.ReadCloser
	start int64  // offset of the first byte
	size  int64  // of the whole file, -1 when it is not told
	tag   string // identifies the version of the file; "" when it is not told
}

const yumPrefix = "yum+"

// isLocal reports whether a source lies on this machine.
func isLocal(source string) bool {
	source = strings.TrimPrefix(source, yumPrefix)
	return strings.HasPrefix(source, "file://") || !strings.Contains(source, "://")
}

// locate reads a source, without the yum+ in front.
func (f *fetcher) locate(source string) (place, error) {
	if !strings.Contains(source, "://") {
		if !filepath.IsAbs(source) {
			source = filepath.Join(f.o.Root, source)
		}
		return filePlace(filepath.Clean(source)), nil
	}
	u, err := url.Parse(source)
	if err != nil {
		return nil, badSource(source)
	}
	switch {
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && u.Path != "":
		return filePlace(filepath.Clean(u.Path)), nil
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return httpPlace{f.client, u}, nil
	case u.Scheme == "s3" && u.Host != "" && u.RawQuery == "":
		return s3Place{f.buckets, u.Host, strings.TrimPrefix(u.Path, "/")}, nil
	}
	return nil, badSource(source)
}

func badSource(source string) error {
	return exit.Errorf(exit.Spec, "use a folder, https://host/folder/, s3://bucket/prefix/ or yum+https://host/repository/",
		"%q is no source", redact(source))
}

// redact takes passwords and query strings, which may be signatures, out of a source.
func redact(source string) string {
	prefix := ""
	if rest, ok := strings.CutPrefix(source, yumPrefix); ok {
		prefix, source = yumPrefix, rest
	}
	if !strings.Contains(source, "://") {
		return prefix + source
	}
	u, err := url.Parse(source)
	if err != nil {
		scheme, _, _ := strings.Cut(source, "://")
		return prefix + scheme + "://..."
	}
	return prefix + plain(u)
}

func plain(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.Fragment = nil, "", ""
	return c.String()
}

// filePlace is an absolute or relative path on this machine.
type filePlace string

func (p filePlace) open(_ context.Context, offset int64, _ string) (*content, error) {
	file, err := openRegular(string(p))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &content{body: file, start: offset, size: info.Size()}, nil
}

// join takes rel as it is, or unescaped where only that exists: repositories write both.
func (p filePlace) join(rel string) place {
	joined := filepath.Join(string(p), filepath.FromSlash(rel))
	if _, err := os.Lstat(joined); err != nil && strings.Contains(rel, "%") {
		if raw, err := url.PathUnescape(rel); err == nil && fs.ValidPath(path.Clean(raw)) {
			return filePlace(filepath.Join(string(p), filepath.FromSlash(raw)))
		}
	}
	return filePlace(joined)
}

func (p filePlace) name() string   { return filepath.Base(string(p)) }
func (p filePlace) host() string   { return "" }
func (p filePlace) String() string { return string(p) }
