// Package store keeps published files where customers can read them: in a
// directory, or under a prefix of an S3 bucket. What is published as a whole, and
// in which order, is not its business.
//
// Both implementations promise the same, and one suite of tests (package
// storetest) holds them to it. A name has all of its content or is not there:
// nobody ever sees half a file, whatever is cut or killed. What Put returned for
// is durable. A Put with a condition is one step: of several with the same
// condition one wins, and the others get ErrConflict. Memory does not grow with
// the size of files. What a killed Put left is never listed, is used by the next
// Put of the same content where that is possible, and goes away with Tidy.
//
// Errors carry exit.Store and what to do about it. ErrNotExist and ErrConflict
// are answers rather than failures, and carry neither.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"onerpm/bundler/internal/exit"
	"onerpm/bundler/internal/percent"
)

// Store is a folder of published files. It may be used by many at once, in other processes too.
type Store interface {
	// Stat describes a file; ErrNotExist when there is none.
	Stat(ctx context.Context, name string) (Info, error)
	// Open reads a file from its beginning; ErrNotExist when there is none. A connection that breaks is
	// made again where it was cut. What is read is one version of the file, also when it is replaced meanwhile,
	// or reading fails. The end comes without an error only when all of the content was read.
	Open(ctx context.Context, name string) (io.ReadCloser, Info, error)
	// Put writes a file, all of it or nothing, and returns its tag. It is ErrConflict when o.When does not hold.
	// With S3 and a lost answer, ErrConflict may also mean that the file was written, and replaced since.
	Put(ctx context.Context, name string, c Content, o PutOptions) (tag string, err error)
	// Copy gives the file to the content of from, replacing it in one step; ErrNotExist when from is not there.
	Copy(ctx context.Context, from, to string) error
	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// List gives all files whose names begin with prefix, in the byte order of names. Their tags are not
	// filled in. Things whose names this package does not take are left out: they are somebody else's.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Tidy removes what is left of Puts that began before then and were never finished, and says how many there were. In
	// a bucket that is every upload in parts under the prefix, also one of another program.
	Tidy(ctx context.Context, before time.Time) (int, error)
	// URL says where customers read a file: file:///..., https://..., or under the base given in Options.
	URL(name string) string
	// Presign returns a URL with which anybody can read the file for d; ErrNotExist when it is not there.
	// A directory has no such thing, and says so.
	Presign(ctx context.Context, name string, d time.Duration) (Link, error)
	// String is the store's address as Open takes it.
	String() string
}

// Content is what is put: bytes.Reader and io.SectionReader are such. Parts of it are
// read several times and in parallel. It must not change meanwhile; with PutOptions.Check, what changed is not put.
type Content interface {
	io.ReaderAt
	Size() int64 // bytes
}

// PutOptions say how to put a file.
type PutOptions struct {
	When Condition // Always when not given
	// Immutable is for a name that never gets another content, such as one with a digest in it: caches may keep it for ever.
	// When is Absent then, but the very same content that is there already counts as put: nothing
	// is sent, and its tag is returned. Other content is ErrConflict.
	Immutable bool
	// Check reads all of the content once, in order, while it is stored. The file gets its name only when Check returned nil, and then
	// it has the very bytes that Check read; otherwise Put fails with its error and leaves nothing. A file that is there
	// already is no reason not to ask. It may be called again after an error that was not its own. Nil for none.
	Check    func(r io.Reader) error
	Progress func(n int64) // n more bytes are stored, or were already; in all Size when Put succeeds. Never twice at once; nil for none
}

// Condition is what must hold at the moment a file gets its new content.
type Condition struct {
	absent bool
	tag    string
}

// The conditions beside IfTag.
var (
	Always = Condition{}
	Absent = Condition{absent: true} // there is no such file
)

// IfTag holds while the file has this tag, i.e. while nobody has replaced or deleted it.
func IfTag(tag string) Condition { return Condition{tag: tag} }

// Info describes a file.
type Info struct {
	Name     string
	Size     int64     // bytes
	Modified time.Time // when it was put
	Tag      string    // names this content of this file for IfTag; means nothing else
}

// Link is a URL that works without an account, for a while.
type Link struct {
	URL   string
	Until time.Time // in whole seconds; zero when nobody knows, because the credentials end with a session that does not tell when
}

var (
	// ErrNotExist says that a file is not there.
	ErrNotExist = errors.New("no such file in the store")
	// ErrConflict says that a condition did not hold.
	ErrConflict = errors.New("another content is there, or came first")
)

// Options say how to use a store. The zero value is good.
type Options struct {
	URL string // base of the URLs that customers use, when it is not the store's own: https://downloads.example.com/x

	// The others are for S3 only.
	Parallel int                               // parts of a file at a time; 0 is 4
	Retries  int                               // further tries after a failure that may pass; 0 is 4
	Backoff  time.Duration                     // at most, before the first of them, doubled each time; 0 is 500 ms
	Stall    time.Duration                     // without a byte moved, after which a connection counts as dead; 0 is 30 s
	AWS      []func(*config.LoadOptions) error // what goes before the environment's settings; nil for nothing
}

// Open opens the store at an address: s3://bucket or s3://bucket/prefix, file:///folder, or a folder's path. The
// folder is made by the first Put. A bucket must be there, and it is asked once whether it may be used.
func Open(ctx context.Context, address string, o Options) (Store, error) {
	if o.URL != "" {
		u, err := url.Parse(o.URL)
		if err != nil || u.Scheme == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, exit.Errorf(exit.Usage, "give one such as https://downloads.example.com/upgrades", "%q is no address that files can be under", o.URL)
		}
	}
	scheme, rest, ok := strings.Cut(address, "://")
	switch {
	case !ok && address != "":
		return openDirectory(address, o)
	case scheme == "s3":
		return openS3(ctx, rest, o)
	case scheme == "file" && filepath.IsAbs(rest):
		u, err := url.Parse(address)
		if err == nil && u.Host == "" {
			return openDirectory(u.Path, o)
		}
	}
	return nil, exit.Errorf(exit.Usage, "give s3://bucket/prefix or a folder", "%q is no address of a store", address)
}

var nameChars = regexp.MustCompile(`^[A-Za-z0-9._+~^/-]+$`)

// CheckName says why name is none that a file in a store can have; nil when it is one. A name is relative,
// clean and made of [A-Za-z0-9._+~^-] and slashes; no part of it begins with a dot.
func CheckName(name string) error {
	if !nameChars.MatchString(name) || len(name) > 900 || path.Clean(name) != name || name[0] == '/' || name[0] == '.' || strings.Contains(name, "/.") {
		return fmt.Errorf("%q is no name for a file in a store", name)
	}
	return nil
}

// checkPrefix is CheckName for what names begin with.
func checkPrefix(prefix string) error {
	if prefix == "" || CheckName(strings.TrimSuffix(prefix, "/")) == nil {
		return nil
	}
	return fmt.Errorf("%q is nothing that names in a store begin with", prefix)
}

// publicURL is a file's URL under base.
func publicURL(base, name string) string {
	return strings.TrimSuffix(base, "/") + "/" + percent.Path(name)
}

// failed gives an error of this package its exit code.
func failed(err error, hint string) error {
	if err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotExist) || errors.Is(err, context.Canceled) {
		return err
	}
	return exit.With(exit.Store, err, hint)
}
