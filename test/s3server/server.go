// Package s3server runs a real S3 server on loopback for tests: versitygw, over a
// temporary folder. The first use on a machine builds it from its Go module, into
// the user's cache folder; after that a server is up in well under a second.
package s3server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	module  = "github.com/versity/versitygw"
	version = "v1.8.0"
)

// Server is a running S3 server with one bucket. All of it is gone when the test ends.
type Server struct {
	Endpoint  string // http://127.0.0.1:port
	Region    string
	Bucket    string // exists and is empty
	AccessKey string
	SecretKey string
	Dir       string // where the server keeps buckets, as folders
}

// Start builds the server where needed, starts it and makes a bucket. It fails the test when it cannot.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatalf("build %s: %v", module, err)
	}
	// Between the choice of a free port and its use another process may take it.
	for try := 1; ; try++ {
		s, err := start(t, program)
		if err == nil {
			if _, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &s.Bucket}); err != nil {
				t.Fatalf("create bucket: %v", err)
			}
			return s
		}
		if try == 3 {
			t.Fatalf("start %s: %v", module, err)
		}
	}
}

// Env returns the environment that makes a program with an AWS SDK use the server,
// and nothing else of this machine's AWS configuration. It lets bundler publish with the demo key there.
func (s *Server) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + s.Region,
		"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		"AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_ENDPOINT_URL_S3=", "AWS_CA_BUNDLE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"BUNDLER_TEST_DEMO_KEY_ON_LOOPBACK=1",
	}
}

// Setenv is Env for the test's own process. Such a test cannot be parallel.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	for _, line := range s.Env() {
		name, value, _ := bytes.Cut([]byte(line), []byte("="))
		t.Setenv(string(name), string(value))
	}
}

// Config is Env as options of config.LoadDefaultConfig, for tests that are parallel.
func (s *Server) Config() []func(*config.LoadOptions) error {
	return []func(*config.LoadOptions) error{
		config.WithBaseEndpoint(s.Endpoint), config.WithRegion(s.Region),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, "")),
		config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
	}
}

// Client returns a client with all rights.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, Region: s.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
}

// Put writes an object.
func (s *Server) Put(t testing.TB, key string, data []byte) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &s.Bucket, Key: aws.String(key), Body: bytes.NewReader(data)}
	if _, err := s.Client().PutObject(t.Context(), in); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func start(t testing.TB, program string) (*Server, error) {
	s, stop, err := run(t.TempDir(), program)
	if err == nil {
		t.Cleanup(stop)
	}
	return s, err
}

// Run is Start for programs that are no tests: a server over a folder, with its
// bucket, until stop is called. It ends with the calling process too.
func Run(ctx context.Context, dir string) (s *Server, stop func(), err error) {
	program, err := build()
	if err != nil {
		return nil, nil, fmt.Errorf("build %s: %w", module, err)
	}
	if s, stop, err = run(dir, program); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", module, err)
	}
	if _, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.Bucket}); err != nil {
		stop()
		return nil, nil, fmt.Errorf("create a bucket: %w", err)
	}
	return s, stop, nil
}

func run(dir, program string) (*Server, func(), error) {
	address, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, nil, err
	}
	s := &Server{Endpoint: "http://" + address, Region: "us-east-1", Bucket: "test", AccessKey: "tester", SecretKey: "tester-secret", Dir: filepath.Join(dir, "data")}
	sidecar := filepath.Join(dir, "meta") // metadata in files: not every file system has the attributes for it
	for _, d := range []string{s.Dir, sidecar} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, nil, err
		}
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "--port", address, "--region", s.Region, "--access", s.AccessKey, "--secret", s.SecretKey, "--quiet", "posix", "--sidecar", sidecar, s.Dir)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a killed test leaves nothing running
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread ends that made the child, and test machines end threads
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return nil, nil, err
	}
	stop := func() { _ = cmd.Process.Kill(); <-ended }
	if !answers(address, ended) {
		stop()
		return nil, nil, fmt.Errorf("it does not answer:\n%s", log.Bytes())
	}
	return s, stop, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until the server takes connections, or has ended.
func answers(address string, ended <-chan struct{}) bool {
	for range 600 {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close() == nil
		}
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

var once struct {
	sync.Mutex
	program string
}

// build returns the server's program. It is made once on a machine; tests that
// need it meanwhile, in other processes too, wait.
func build() (string, error) {
	once.Lock()
	defer once.Unlock()
	if once.program != "" {
		return once.program, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "onerpm-test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "versitygw.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // and with it the lock ends
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "versitygw-"+version)
	if _, err := os.Stat(program); errors.Is(err, os.ErrNotExist) {
		err = install(dir, program)
		if err != nil {
			return "", err
		}
	}
	once.program = program
	return program, nil
}

// install builds into a folder of its own and renames, so that a half-written program is never taken for it.
func install(dir, program string) error {
	left, err := filepath.Glob(filepath.Join(dir, "versitygw-build-*")) // of builds that were killed: we hold the lock
	if err != nil {
		return err
	}
	for _, d := range left {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
	}
	tmp, err := os.MkdirTemp(dir, "versitygw-build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // the next build removes it otherwise
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	for try := 1; ; try++ {
		cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags=-s -w", module+"/cmd/versitygw@"+version)
		cmd.Dir = tmp
		cmd.Env = append(os.Environ(), "GOBIN="+tmp, "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if try == 3 { // its sources come over a network
			return fmt.Errorf("go install: %w\n%s", err, out)
		}
		time.Sleep(time.Duration(try) * 5 * time.Second)
	}
	return os.Rename(filepath.Join(tmp, "versitygw"), program)
}
