// Package logstash stands for logstash at release 3.4.2: it takes events and logs, keeps them in memory, and once a second
// writes them into the daily indices of Elasticsearch. Who sends one is told when it is in memory. What is in memory is
// written when the process is asked to end, and lost when it is killed.
//
// Messages come over a socket of the loopback address, one JSON object a line; each is answered by a line.
package logstash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"onerpm/test/product/internal/elastic"
)

// Input is where messages are taken.
const Input = "127.0.0.1:9999"

const (
	every     = time.Second
	limit     = 20 * time.Second // for the last writing
	room      = 5000             // messages in memory; when there are more, senders wait
	maxLine   = 16 << 20
	atStart   = 2 * time.Second // between two tries to reach Elasticsearch
	lastTries = 200 * time.Millisecond
)

// server is a running logstash.
type server struct {
	es    elastic.Client
	slots chan struct{} // one for each message in memory

	mu      sync.Mutex
	waiting []elastic.Entry
	conns   map[net.Conn]bool
}

// Serve takes messages from the listener until the context ends, and then writes what it has. Messages that could not be
// written are an error.
func Serve(ctx context.Context, l net.Listener, elasticsearch string) error {
	s := &server{es: elastic.Client{Address: elasticsearch}, slots: make(chan struct{}, room), conns: map[net.Conn]bool{}}
	if s.start(ctx); ctx.Err() != nil {
		return l.Close()
	}
	var readers sync.WaitGroup
	readers.Go(func() { s.accept(ctx, l, &readers) })
	log.Printf("listening on %s", l.Addr())
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := s.flush(ctx); err != nil && ctx.Err() == nil {
				log.Printf("%d messages wait: %v", s.inMemory(), err)
			}
		}
	}
	err := l.Close()
	s.hangUp()
	readers.Wait()
	return errors.Join(err, s.last())
}

// start puts the template of the daily indices in place, as soon as Elasticsearch is there.
func (s *server) start(ctx context.Context) {
	said := false
	for {
		err := s.es.PutTemplate(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !said {
			log.Printf("waits for Elasticsearch: %v", err)
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(atStart):
		}
	}
}

func (s *server) accept(ctx context.Context, l net.Listener, readers *sync.WaitGroup) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				log.Printf("accept: %v", err)
			}
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		if ctx.Err() != nil { // the others were hung up already
			_ = conn.Close()
		}
		s.mu.Unlock()
		readers.Go(func() {
			s.read(ctx, conn)
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
			_ = conn.Close() // its sender is gone, or will send again
		})
	}
}

func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// read takes a sender's messages until it or this process ends.
func (s *server) read(ctx context.Context, conn net.Conn) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		entry, err := Document(lines.Bytes(), time.Now())
		answer := taken
		if err != nil {
			answer = refused + err.Error()
		} else {
			select {
			case s.slots <- struct{}{}:
			case <-ctx.Done():
				return // it was not answered, and is sent again to the next one
			}
			s.mu.Lock()
			s.waiting = append(s.waiting, entry)
			s.mu.Unlock()
		}
		if _, err := fmt.Fprintln(conn, answer); err != nil {
			return
		}
	}
}

func (s *server) inMemory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// flush writes what is in memory. What Elasticsearch does not take for itself is dropped; when it does not answer, all stays.
func (s *server) flush(ctx context.Context) error {
	s.mu.Lock()
	batch := s.waiting
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := s.es.Bulk(ctx, batch)
	var lost *elastic.RefusedError
	if errors.As(err, &lost) {
		log.Print(lost)
		err = nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.waiting = s.waiting[len(batch):]
	s.mu.Unlock()
	for range batch {
		<-s.slots
	}
	return nil
}

// last writes what is in memory when the process ends.
func (s *server) last() error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := s.flush(ctx)
		switch {
		case err == nil && s.inMemory() == 0:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%d messages are lost: %w", s.inMemory(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lastTries):
		}
	}
}
