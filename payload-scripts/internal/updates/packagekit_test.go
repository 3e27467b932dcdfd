package updates

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// answering is a connection to a bus that has this answer to a call: the name of an error, "" for success, "mute" for none.
func answering(t *testing.T, name string) (conn *dbus.Conn, asked <-chan *dbus.Message) {
	t.Helper()
	ours, theirs := net.Pipe()
	calls := make(chan *dbus.Message, 1)
	go func() {
		in := bufio.NewReader(theirs)
		for line := ""; line != "BEGIN\r\n"; { // the handshake of the D-Bus specification
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			switch line = strings.TrimPrefix(line, "\x00"); {
			case line == "AUTH\r\n":
				_, _ = io.WriteString(theirs, "REJECTED EXTERNAL\r\n")
			case strings.HasPrefix(line, "AUTH "):
				_, _ = io.WriteString(theirs, "OK 0123456789abcdef0123456789abcdef\r\n")
			}
		}
		msg, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		calls <- msg
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(msg.Serial())}}
		if name != "" {
			reply.Type, reply.Headers[dbus.FieldErrorName] = dbus.TypeError, dbus.MakeVariant(name)
		}
		if name != "mute" {
			_ = reply.EncodeTo(theirs, binary.LittleEndian)
		}
	}()
	conn, err := dbus.NewConn(ours)
	if err == nil {
		err = conn.Auth([]dbus.Auth{dbus.AuthExternal("0")})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); _ = theirs.Close() })
	return conn, calls
}

func TestSuggestQuit(t *testing.T) {
	t.Parallel()
	for answer, fails := range map[string]bool{
		"": false,
		"org.freedesktop.DBus.Error.ServiceUnknown":  false, // none runs: dbus-daemon
		"org.freedesktop.DBus.Error.NameHasNoOwner":  false, // dbus-broker
		"org.freedesktop.DBus.Error.AccessDenied":    true,
		"org.freedesktop.PackageKit.InternalMistake": true,
		"mute": true,
	} {
		bus, asked := answering(t, answer)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if answer == "mute" {
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		}
		err := suggestQuit(ctx, bus)
		cancel()
		if (err != nil) != fails {
			t.Errorf("%q: %v", answer, err)
		}
		call := <-asked
		if member, _ := call.Headers[dbus.FieldMember].Value().(string); member != "SuggestDaemonQuit" {
			t.Errorf("called %q", member)
		}
		if call.Flags&dbus.FlagNoAutoStart == 0 {
			t.Error("one that does not run would be started")
		}
	}
}
