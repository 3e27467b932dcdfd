package logstash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// lifetime is how long a message waits for somebody to take it: the product's broker has this limit.
	lifetime = 60 * time.Second
	// between two tries, and for one of them
	pause   = 200 * time.Millisecond
	perTry  = 10 * time.Second
	taken   = "ok"
	refused = "refused: "
)

// Sender sends messages. It stands for the broker: what logstash does not take now, it waits with. It is safe for
// concurrent use; messages go one after the other.
type Sender struct {
	address string

	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
}

// Dial returns a sender to logstash, which need not be there yet.
func Dial(address string) *Sender { return &Sender{address: address} }

// Close ends the connection.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangUp()
}

func (s *Sender) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing waits in it
		s.conn = nil
	}
}

// Send returns once logstash has the message in its memory, or has let it lie for a minute: then it is gone, as in the
// broker. An error is a message that logstash cannot read, or the context's.
func (s *Sender) Send(ctx context.Context, message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := time.Now().Add(lifetime)
	for {
		answer, err := s.try(ctx, message)
		switch why, no := strings.CutPrefix(answer, refused); {
		case err == nil && no:
			return errors.New(why)
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("send to logstash: %w", ctx.Err())
		case time.Now().After(until):
			log.Printf("a message is lost, nobody took it for %s: %v", lifetime, err)
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (s *Sender) try(ctx context.Context, message []byte) (answer string, err error) {
	defer func() {
		if err != nil {
			s.hangUp()
		}
	}()
	if s.conn == nil {
		d := net.Dialer{Timeout: perTry}
		if s.conn, err = d.DialContext(ctx, "tcp", s.address); err != nil {
			s.conn = nil
			return "", err
		}
		s.in = bufio.NewReader(s.conn)
	}
	if err := s.conn.SetDeadline(time.Now().Add(perTry)); err != nil {
		return "", err
	}
	line := append(bytes.ReplaceAll(message, []byte("\n"), []byte(" ")), '\n') // in JSON a line's end is a blank
	if _, err := s.conn.Write(line); err != nil {
		return "", err
	}
	answer, err = s.in.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}
