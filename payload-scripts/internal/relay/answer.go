package relay

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// comeBack is what a browser is told (RFC 9110, 15.6.4).
const comeBack = "HTTP/1.1 503 Service Unavailable\r\n" +
	"Retry-After: 5\r\n" +
	"Cache-Control: no-store\r\n" +
	"Content-Type: text/html; charset=utf-8\r\n" +
	"Connection: close\r\n\r\n" +
	"<!doctype html><meta http-equiv=refresh content=5><title>Upgrade</title><p>An upgrade is under way. This page comes back by itself in a moment.\n"

const (
	answerWithin  = 5 * time.Second
	largestHeader = 64 << 10
)

// tellToComeBack answers one request and ends the connection.
func tellToComeBack(ctx context.Context, conn *net.TCPConn) {
	stop := context.AfterFunc(ctx, func() { reset(conn) })
	defer stop()
	defer conn.Close() //nolint:errcheck // what could be said was said
	_ = conn.SetDeadline(time.Now().Add(answerWithin))
	in := &io.LimitedReader{R: conn, N: largestHeader}
	if _, err := http.ReadRequest(bufio.NewReader(in)); err != nil {
		return // no HTTP, or none of a size that any server takes
	}
	_, _ = io.Copy(conn, strings.NewReader(comeBack))
	_ = conn.CloseWrite()
	_, _ = io.CopyN(io.Discard, conn, largestHeader) // of its body: what is closed with bytes unread is reset, and the answer lost
}
