package e2e

import (
	"context"
	"io"
	"net"
	"testing"
)

// forward carries connections to an address out here, which it returns, to where dial leads, until the test ends.
func forward(t *testing.T, dial func(context.Context) (net.Conn, error)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			out, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = out.Close() }()
				in, err := dial(context.WithoutCancel(t.Context()))
				if err != nil {
					return // whoever connected tells
				}
				defer func() { _ = in.Close() }()
				go func() {
					_, _ = io.Copy(in, out)
					_ = in.(interface{ CloseWrite() error }).CloseWrite()
				}()
				_, _ = io.Copy(out, in)
			}()
		}
	}()
	return l.Addr().String()
}
