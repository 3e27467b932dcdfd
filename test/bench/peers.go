package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/rpmpack"
)

// peer is one contender in a process of its own: KIND OUT COMPONENT...
func peer(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: peer KIND OUT COMPONENT")
	}
	kind, out, components := args[0], args[1], args[2:]
	switch kind {
	case "copy":
		return copyAll(filepath.Join(out, "all"), components)
	case "rpmbuild":
		if err := rpmbuild(context.Background(), out, "all", components); err != nil {
			return err
		}
		syscall.Sync()
		return nil
	case "rpmpack":
		return packAll(filepath.Join(out, "all.rpm"), components)
	}
	return fmt.Errorf("there is no peer %q", kind)
}

// copyAll reads the components, takes the SHA-256 of each and writes them into one file.
func copyAll(to string, components []string) error {
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for _, c := range components {
		sum := sha256.New()
		f, err := os.Open(c)
		if err != nil {
			return err
		}
		// The bare types keep the copy in this buffer: what is compared is reading, hashing and writing.
		_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sum, w)}, struct{ io.Reader }{f}, buf)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return errors.Join(w.Sync(), w.Close())
}

// packAll has rpmpack make the package, gzip at level 0, as its users do.
func packAll(to string, components []string) error {
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: "all", Version: "1", Release: "1", Arch: "noarch", Epoch: rpmpack.NoEpoch, Compressor: "gzip:0",
	})
	if err != nil {
		return err
	}
	for _, c := range components {
		body, err := os.ReadFile(c)
		if err != nil {
			return err
		}
		r.AddFile(rpmpack.RPMFile{Name: "/opt/bench/" + filepath.Base(c), Body: body, Mode: 0o100644, Owner: "root", Group: "root"})
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(r.Write(w), w.Sync(), w.Close())
}
