package view

import "testing"

// TestCause finds the one line that matters.
func TestCause(t *testing.T) {
	t.Parallel()
	const start = "start the services: start app: it is failed\nlast lines of app:\n"
	for name, c := range map[string]struct{ text, what, said string }{
		"one line": {"  drain: 2 things are under way ", "drain: 2 things are under way", ""},
		"a unit": {start + "  2026-03-01T13:00:01+0100 host systemd[1]: Started app.\n  2026-03-01T13:00:01+0100 host app[7]: reading /etc/app.conf\n" +
			"  2026-03-01T13:00:02+0100 host app[7]: bind: Address already in use\n  2026-03-01T13:00:02+0100 host app[7]: bye\n" +
			"  2026-03-01T13:00:02+0100 host systemd[1]: app.service: Failed with result 'exit-code'.", "start the services: start app: it is failed", "bind: Address already in use"},
		"the last failure": {start + "2026-03-01T13:00:01+0100 host app[7]: ERROR: first\n2026-03-01T13:00:09+0100 host app[8]: ERROR: second\n", "start the services: start app: it is failed", "ERROR: second"},
		"no failure told":  {start + "2026-03-01T13:00:01+0100 host app[7]: one\n2026-03-01T13:00:01+0100 host app[7]: two\n2026-03-01T13:00:01+0100 host app[7]: \n", "start the services: start app: it is failed", "two"},
		"systemd alone": {start + "2026-03-01T13:00:01+0100 host systemd[1]: app.service: Failed at step EXEC spawning /opt/app: No such file or directory\n" +
			"2026-03-01T13:00:02+0100 host systemd[1]: Stopped app.\n", "start the services: start app: it is failed", "app.service: Failed at step EXEC spawning /opt/app: No such file or directory"},
		"a traceback": {start + "2026-03-01T13:00:01+0100 host python3[7]: Traceback (most recent call last):\n2026-03-01T13:00:01+0100 host python3[7]:   File \"a.py\", line 1\n" +
			"2026-03-01T13:00:01+0100 host python3[7]: ImportError: No module named rest\n", "start the services: start app: it is failed", "ImportError: No module named rest"},
		"rpm": {"packages to new: rpm exited with status 1: error: %pre(a-1) scriptlet failed, exit status 1\nerror: a-1: install failed\nwarning: something\n", "packages to new: rpm exited with status 1: error: %pre(a-1) scriptlet failed, exit status 1", "error: a-1: install failed"},
	} {
		got := causeOf(c.text)
		if got.what != c.what || got.said != c.said || (len(got.all) > 0) != (c.said != "") {
			t.Errorf("%s: %q, %q, %d lines", name, got.what, got.said, len(got.all))
		}
	}
}
