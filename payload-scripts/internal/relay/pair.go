package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// pair is a client and the server that it is passed on to.
type pair struct{ client, server *net.TCPConn }

// chunk is how many bytes are passed on at once.
const chunk = 32 << 10

// chunks are shared: a connection on which nothing comes has none.
var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// pass passes bytes on until both sides have ended, or one has broken off. It calls answered when the server has sent something.
func (p *pair) pass(answered func()) {
	var there sync.WaitGroup
	there.Go(func() { p.copy(p.server, p.client, func() {}) })
	p.copy(p.client, p.server, answered)
	there.Wait()
	_ = p.client.Close()
	_ = p.server.Close()
}

// copy passes bytes one way, and the end of them. What breaks off on one side breaks off on the other.
func (p *pair) copy(to, from *net.TCPConn, came func()) {
	err := forward(to, from, came)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		p.drop()
	}
}

// drop breaks both connections off, as a server that goes does.
func (p *pair) drop() {
	reset(p.client)
	reset(p.server)
}

// forward passes on all bytes that come, and calls came each time.
func forward(to io.Writer, from *net.TCPConn, came func()) error {
	raw, err := from.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var buffer *[chunk]byte
		var n int
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			buffer = chunks.Get().(*[chunk]byte)
			for {
				n, failed = syscall.Read(int(fd), buffer[:])
				if !errors.Is(failed, syscall.EINTR) {
					break
				}
			}
			if errors.Is(failed, syscall.EAGAIN) {
				chunks.Put(buffer)
				return false // and is called again when there is something to read
			}
			return true
		})
		if err != nil {
			return err
		}
		if failed == nil && n > 0 {
			came()
			_, failed = to.Write(buffer[:n])
		} else if failed == nil {
			failed = io.EOF
		}
		chunks.Put(buffer)
		if errors.Is(failed, io.EOF) {
			return nil
		}
		if failed != nil {
			return failed
		}
	}
}

// reset closes a connection so that the other end sees at once that it is broken (RST).
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
