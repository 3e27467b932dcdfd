// Package elasticsearch runs a real Elasticsearch 1.6.0 of a test's own, on free ports of the loopback address
// and over a temporary folder. It needs a Java 17 runtime, and Maven for the first use on a machine.
package elasticsearch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options are what a node is started with.
type Options struct {
	Heap     string   // of the JVM; 256m if empty
	Settings []string // name=value of Elasticsearch, such as index.translog.fs.type=simple
	Data     string   // a stopped Elasticsearch's data folder, of which the node gets a copy; none if empty
}

// Node is an Elasticsearch with the product's number of shards and replicas, Elasticsearch's own defaults.
// It is killed with the process that started it.
type Node struct {
	Address string // host:port of its HTTP interface

	options   Options
	jars, dir string
	cmd       *exec.Cmd
	ended     chan struct{} // closed after the process
	log       tail
}

const startLimit = 2 * time.Minute

// Start starts a node, empty without Options.Data, and waits until it answers. The caller stops it.
func Start(ctx context.Context, o Options) (*Node, error) {
	jars, err := Jars(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "elasticsearch-")
	if err != nil {
		return nil, err
	}
	n := &Node{options: o, jars: jars, dir: dir}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	if o.Data != "" {
		if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(o.Data)); err != nil {
			return nil, errors.Join(err, n.Stop())
		}
	}
	if err := n.Restart(ctx); err != nil {
		return nil, errors.Join(err, n.Stop())
	}
	return n, nil
}

// Restart starts the node again over its data, after Kill or Term, on the port that it had.
func (n *Node) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	port := "0"
	if _, before, ok := strings.Cut(n.Address, ":"); ok {
		port = before
	}
	address, err := n.launch(ctx, port)
	if err != nil {
		return fmt.Errorf("start Elasticsearch: %w\n%s", err, n.log.String())
	}
	n.Address = address
	if err := n.awaitShards(ctx); err != nil {
		return errors.Join(fmt.Errorf("start Elasticsearch: %w\n%s", err, n.log.String()), n.Kill())
	}
	return nil
}

// Term ends the node as a service manager does, and Kill as a crash does. Both leave its data.
func (n *Node) Term() error { return n.end(syscall.SIGTERM) }

// Kill ends the node at once: what it did not write to its files is lost.
func (n *Node) Kill() error { return n.end(syscall.SIGKILL) }

// Stop ends the node and removes its data.
func (n *Node) Stop() error {
	return errors.Join(n.end(syscall.SIGKILL), os.RemoveAll(n.dir))
}

func (n *Node) end(signal syscall.Signal) error {
	if n.cmd == nil {
		return nil
	}
	if err := n.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-n.ended:
	case <-time.After(time.Minute):
		_ = n.cmd.Process.Kill() // it has a minute to end by itself
		<-n.ended
	}
	n.cmd = nil
	return nil
}

// launch starts the process and returns the address of which its log speaks.
func (n *Node) launch(ctx context.Context, port string) (string, error) {
	heap := n.options.Heap
	if heap == "" {
		heap = "256m"
	}
	args := []string{"-Xms64m", "-Xmx" + heap, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:+PerfDisableSharedMem",
		"-Djava.awt.headless=true", "-Djava.io.tmpdir=" + filepath.Join(n.dir, "tmp"), "-Dfile.encoding=UTF-8",
		"-Des.foreground=yes", "-Des.path.home=" + n.dir, "-Des.node.name=test", "-Des.network.host=127.0.0.1",
		"-Des.http.port=" + port, "-Des.transport.tcp.port=0",
		"-Des.discovery.zen.ping.multicast.enabled=false", "-Des.discovery.zen.ping.timeout=200ms"}
	for _, s := range n.options.Settings {
		args = append(args, "-Des."+s)
	}
	args = append(args, "-cp", filepath.Join(n.jars, PatchJar)+":"+filepath.Join(n.jars, "*"), "org.elasticsearch.bootstrap.Elasticsearch")
	cmd := exec.Command("java", args...)
	cmd.Dir = n.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a killed test leaves nothing running
	out, err := cmd.StderrPipe()                                       // without log4j it logs there
	if err != nil {
		return "", err
	}
	address, started, ended := make(chan string, 1), make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread ends that made the child
		err := cmd.Start()
		started <- err
		if err == nil {
			n.log.follow(out, address)
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return "", err
	}
	n.cmd, n.ended = cmd, ended
	select {
	case a := <-address:
		return a, nil
	case <-ended:
		n.cmd = nil
		return "", errors.New("it ended")
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), n.Kill())
	}
}

// awaitShards waits until all shards answer that the node knows from its files: before that a search gives a part
// of the documents, without an error. Until the files are read, health is green.
func (n *Node) awaitShards(ctx context.Context) error {
	for {
		state, err := Call(ctx, n.Address, "GET", "/_cluster/state/blocks", nil)
		if err == nil && !bytes.Contains(state, []byte("state not recovered")) {
			var health []byte
			health, err = Call(ctx, n.Address, "GET", "/_cluster/health?wait_for_status=yellow&timeout=10s", nil)
			if err == nil && !bytes.Contains(health, []byte(`"status":"red"`)) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-n.ended:
			return errors.Join(errors.New("it ended"), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

var boundLine = regexp.MustCompile(`publish_address \{inet\[/(127\.0\.0\.1:\d+)\]\}`)

// tail keeps the end of a log.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// follow reads a log to its end. The address of the HTTP server, on the line after the one that names its class, is sent once.
func (t *tail) follow(r io.Reader, address chan<- string) {
	lines := bufio.NewReader(r)
	http, sent := false, false
	for {
		line, err := lines.ReadString('\n')
		t.mu.Lock()
		t.kept = append(t.kept, line...)
		t.kept = t.kept[max(0, len(t.kept)-8000):]
		t.mu.Unlock()
		if m := boundLine.FindStringSubmatch(line); m != nil && http && !sent {
			address <- m[1]
			sent = true
		}
		http = strings.Contains(line, "elasticsearch.http.HttpServer")
		if err != nil {
			return
		}
	}
}
