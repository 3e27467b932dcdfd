package files

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/settings"
)

// TestKeyedFormats takes a file of each format with lines for its keys through an upgrade and back: a conflict is refused, with the line
// that decides its key; a key that moved has the host's value, one that is drawn keeps its value to the end; on the way back the file has
// the bytes, the owner and the mode that it had.
func TestKeyedFormats(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`"(conflict .*) = old"`)
	for format, c := range map[string]struct {
		name, base, theirs, mine string
		set                      map[string]manifest.Value
		key                      string
		kept, taken              string // the merged file, DRAWN in the place of the value that is drawn
	}{
		"ini": {
			"app.ini", "[app:main]\nport = 80\nlog level = info\n[db]\npassword = <<pw>>\n", "[app:main]\nport = 81\nlog level = warn\nsecret = <<s>>\n[database]\npassword = <<pw>>\n",
			"; ours\r\n[app:main]\r\nport = 8080\r\nlog level = info\r\n\r\n[db]\r\npassword = S3cretValue\r\n",
			map[string]manifest.Value{"database.password": {Copy: "db.password"}, "app:main.secret": {Random: 8}}, "app:main.port",
			"; ours\r\n[app:main]\r\nport = 8080\r\nlog level = warn\r\nsecret = DRAWN\r\n\r\n[database]\r\npassword = S3cretValue\r\n",
			"; ours\r\n[app:main]\r\nport = 81\r\nlog level = warn\r\nsecret = DRAWN\r\n\r\n[database]\r\npassword = S3cretValue\r\n",
		},
		"toml": {
			"app.toml", "level = 'info'\n[server]\nport = 80\n[db]\npassword = '<<pw>>'\n", "level = 'warn'\n[server]\nport = 81\nsecret = '<<s>>'\n[database]\npassword = '<<pw>>'\n",
			"level = \"info\" # ours\n\n[server]\n  port = 8_080\n\n[db]\npassword = 'S3cretValue'\n",
			map[string]manifest.Value{"database.password": {Copy: "db.password"}, "server.secret": {Random: 8}}, "server.port",
			"level = \"warn\" # ours\n\n[server]\n  port = 8_080\n  secret = \"DRAWN\"\n\n[database]\npassword = 'S3cretValue'\n",
			"level = \"warn\" # ours\n\n[server]\n  port = 81\n  secret = \"DRAWN\"\n\n[database]\npassword = 'S3cretValue'\n",
		},
		"properties": {
			"app.properties", "server.port=80\nlog.level=info\ndb.password=<<pw>>\n", "server.port=81\nserver.secret=<<s>>\nlog.level=warn\ndatabase.password=<<pw>>\n",
			"# f\xfcr uns\nserver.port : 8080\nlog.level = \\\n    info\ndb.password=S3cret\\u0056alue",
			map[string]manifest.Value{"database.password": {Copy: "db.password"}, "server.secret": {Random: 8}}, "server.port",
			"# f\xfcr uns\nserver.port : 8080\nserver.secret : DRAWN\nlog.level = \\\n    warn\ndatabase.password = S3cret\\u0056alue\n",
			"# f\xfcr uns\nserver.port : 81\nserver.secret : DRAWN\nlog.level = \\\n    warn\ndatabase.password = S3cret\\u0056alue\n",
		},
	} {
		for side, want := range map[manifest.Side]string{manifest.Old: c.kept, manifest.New: c.taken} {
			t.Run(format+" "+string(side), func(t *testing.T) {
				t.Parallel()
				m, ctx := newMachine(t), context.Background()
				target := "/etc/app/" + c.name
				m.config(target, format, c.base, c.theirs)
				m.m.Config[len(m.m.Config)-1].Set = c.set
				m.write(target, c.mine, 0o640, 3, 4)
				before := m.shot(target)
				found := m.set().Findings(ctx)
				expect(t, found, "config-conflict")
				said := line.FindStringSubmatch(found[0].Do)
				if said == nil || said[1] != "conflict "+m.m.To+" "+target+":"+c.key {
					t.Fatalf("no line that decides the key: %q", found[0].Do)
				}
				if strings.Contains(found[0].What, "S3cret") {
					t.Errorf("a secret is told: %s", found[0].What)
				}
				path := filepath.Join(t.TempDir(), "upgrade.conf")
				m.ok(os.WriteFile(path, []byte(said[1]+" = "+string(side)+"\n"), 0o600))
				decided := settings.Read(path)
				s := m.set()
				s.Decided = decided.Decisions(m.m.To)
				expect(t, append(decided.Findings(m.m), s.Findings(ctx)...), "")
				m.ok(s.Prepare(ctx))
				m.ok(s.SaveState(ctx))
				m.ok(s.SaveState(ctx)) // the second time the product is stopped
				m.ok(s.Converge(ctx, manifest.New))
				got := m.read(target)
				drawn := regexp.MustCompile(`[0-9a-f]{8}`).FindString(got)
				if drawn == "" || strings.Replace(got, drawn, "DRAWN", 1) != want {
					t.Errorf("%q, want %q", got, want)
				}
				m.ok(s.Converge(ctx, manifest.New))
				if again := m.read(target); again != got {
					t.Errorf("once more: %q, not %q", again, got)
				}
				m.ok(m.set().Converge(ctx, manifest.Old))
				if back := m.read(target); back != c.mine {
					t.Errorf("the way back: %q, want %q", back, c.mine)
				}
				compareShots(t, m.shot(target), before)
			})
		}
	}
}
