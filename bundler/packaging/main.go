// Command packaging makes what a release of the bundler consists of: for each architecture an archive with the static
// program, an RPM and a DEB; their checksums, and a signature of these. make release runs it.
//
// Equal inputs give equal bytes: everything in it is dated as the release in CHANGELOG.md, or as SOURCE_DATE_EPOCH says.
// Until there is a release, that is 1980-01-01, the oldest date that every archive can hold.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"onerpm/bundler/internal/companion"
	"onerpm/bundler/internal/output"
	"onerpm/bundler/internal/sign"
)

// architectures are those that the bundler is released for, with the names that RPM and Debian have for them.
var architectures = []architecture{{"amd64", "x86_64"}, {"arm64", "aarch64"}}

type architecture struct{ deb, rpm string } // Debian's names are Go's

// release is what all files of it have in common.
type release struct {
	version string
	at      time.Time
	key     *sign.Key
	shared  []file // by all architectures
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH"))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, epoch string) error {
	flags := flag.NewFlagSet("packaging", flag.ContinueOnError)
	var (
		version    = flags.String("version", "", "the bundler's version")
		key        = flags.String("key", "", "armored private key `FILE` to sign with")
		passphrase = flags.String("passphrase-file", "", "the key's passphrase is the first line of `FILE`")
		share      = flags.String("share", "dist/share", "man page and completion are below `DIR`")
		programs   = flags.String("programs", "", "the programs are DIR/<architecture>/bundler")
		out        = flags.String("output", "dist/release", "write into `DIR`")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := release{version: *version}
	if err := checkVersion(r.version); err != nil {
		return err
	}
	changes, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return err
	}
	if r.at, err = date(string(changes), r.version, epoch); err != nil {
		return err
	}
	if r.key, err = load(*key, *passphrase); err != nil {
		return err
	}
	if r.shared, err = shared(ctx, *share, changes); err != nil {
		return err
	}
	return r.write(*programs, *out)
}

// load reads the key. None is taken by itself: a release is signed with the key that somebody named.
func load(path, passphraseFile string) (*sign.Key, error) {
	if path == "" {
		return nil, errors.New("name the private key to sign with: make release KEY=FILE")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, err := sign.Load(bytes.NewReader(text), func() ([]byte, error) {
		if passphraseFile == "" {
			return nil, errors.New("it is protected; name the file of its passphrase: make release KEY=FILE PASSPHRASE=FILE")
		}
		b, err := os.ReadFile(passphraseFile)
		line, _, _ := strings.Cut(string(b), "\n")
		return []byte(strings.TrimSuffix(line, "\r")), err
	})
	if err != nil {
		return nil, fmt.Errorf("read the key %s: %w", path, err)
	}
	if key.Demo() {
		fmt.Fprintln(os.Stderr, "packaging: this is the demo key, which anybody has: give nobody what is signed with it")
	}
	return key, nil
}

// write writes all files of the release, or none.
func (r release) write(programs, dir string) error {
	set, err := output.Open(dir)
	if err != nil {
		return err
	}
	defer set.Discard()
	var sums []byte
	add := func(name string, content []byte) error {
		sum := sha256.Sum256(content)
		sums = append(sums, companion.Checksum(name, hex.EncodeToString(sum[:]))...)
		return set.Add(name, content)
	}
	for _, arch := range architectures {
		program, err := os.ReadFile(filepath.Join(programs, arch.deb, "bundler"))
		if err != nil {
			return err
		}
		files := append([]file{{path: "/usr/bin/bundler", mode: 0o755, body: program}}, r.shared...)
		rpm, err := r.rpm(arch.rpm, files)
		if err != nil {
			return fmt.Errorf("make the RPM for %s: %w", arch.rpm, err)
		}
		deb, err := r.deb(arch.deb, files)
		if err != nil {
			return fmt.Errorf("make the DEB for %s: %w", arch.deb, err)
		}
		tar, err := r.tar(arch.deb, files)
		if err != nil {
			return fmt.Errorf("make the archive for %s: %w", arch.deb, err)
		}
		err = errors.Join(
			add(tarName(r.version, arch.deb)+".tar.gz", tar),
			add(name+"-"+r.version+"-1."+arch.rpm+".rpm", rpm),
			add(name+"_"+r.version+"_"+arch.deb+".deb", deb))
		if err != nil {
			return err
		}
	}
	signature, err := r.key.Detached(sums, r.at)
	if err != nil {
		return err
	}
	if err := errors.Join(set.Add("SHA256SUMS", sums), set.Add("SHA256SUMS.asc", signature)); err != nil {
		return err
	}
	return set.Commit()
}
