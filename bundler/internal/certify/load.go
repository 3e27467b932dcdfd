package certify

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"onerpm/internal/manifest"
)

// startLoad starts what uses the product all the time: a client that asks every health question
// of the services that both releases have, and a caller of the product's checks with "load".
func (r *run) startLoad(ctx context.Context) error {
	var ask, write strings.Builder
	for i, s := range r.asked() {
		at, err := r.url(ctx, s.Health)
		if err != nil {
			return err
		}
		fmt.Fprintf(&ask, "echo \"%d $(%s 2>/dev/null) $(date +%%s.%%N)\"\n", i, curl(s.Health, at, "-o /dev/null -w '%{http_code}'"))
	}
	writers := r.checks.writers()
	for _, s := range writers {
		fmt.Fprintf(&write, "if %s; then echo ok; else echo no; fi\n", r.callCheck(s, phaseLoad)+" >"+r.at("write.out")+" 2>&1")
	}
	if len(writers) == 0 {
		r.untried = NoWrites + ": no script of specs/" + r.m.From + "-" + r.m.To + "/certify is one for " + phaseLoad
	}
	loop := func(name, body, rest string) string {
		if body == "" {
			return ""
		}
		file := r.at(name)
		return "cat >" + file + ".sh <<'END-OF-LOOP'\nwhile [ ! -e " + r.at("stop") + " ]; do\n" + body + "sleep " + rest + "\ndone\nEND-OF-LOOP\n" +
			"setsid /bin/sh " + file + ".sh >" + file + ".log 2>/dev/null </dev/null & echo $! >" + file + ".pid\n"
	}
	_, err := r.machine.must(ctx, "start the clients", loop("ask", ask.String(), "0.05")+loop("write", write.String(), "0.1")+"true")
	return err
}

func (r *run) asked() []manifest.Service {
	var list []manifest.Service
	for _, s := range r.m.Services {
		if s.Health != nil && s.Only == "" {
			list = append(list, s)
		}
	}
	return list
}

// endLoad ends the clients and says what they saw.
func (r *run) endLoad(ctx context.Context) (*Load, faults, error) {
	out, err := r.machine.must(ctx, "end the clients", "sleep 1; : >"+r.at("stop")+`
for name in ask write; do
	[ -e `+r.at("$name.pid")+` ] || continue
	i=0; while kill -0 "$(cat `+r.at("$name.pid")+`)" 2>/dev/null && [ $i -lt 3100 ]; do i=$((i + 1)); sleep 0.1; done
	sed "s/^/$name /" `+r.at("$name.log")+`
done
[ ! -s `+r.at("write.out")+` ] || tail -n 5 `+r.at("write.out")+` | cut -c 1-500 | sed "s/^/said /"`)
	if err != nil {
		return nil, nil, err
	}
	return judgeLoad(out, r.asked(), r.checks.writers())
}

// judgeLoad reads what the clients noted, in the order of time.
func judgeLoad(out string, asked []manifest.Service, writers []Script) (*Load, faults, error) {
	load := &Load{}
	calls, said := 0, []string{}
	lastGood, first, last := make([]float64, len(asked)), make([]string, len(asked)), make([]string, len(asked))
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "said "):
			said = append(said, strings.TrimSpace(line[len("said "):]))
		case len(f) == 2 && f[0] == "write":
			calls++
			if f[1] == "ok" {
				load.Writes++
			}
		case len(f) == 4 && f[0] == "ask":
			i, err := strconv.Atoi(f[1])
			at, err2 := strconv.ParseFloat(f[3], 64)
			if err != nil || err2 != nil || i < 0 || i >= len(asked) {
				return nil, nil, fmt.Errorf("read what the clients noted: %q", short(line))
			}
			load.Asked++
			if first[i] == "" {
				first[i] = f[2]
			}
			last[i] = f[2]
			if f[2] != strconv.Itoa(asked[i].Health.Expect.Status) {
				continue
			}
			load.Good++
			if lastGood[i] > 0 {
				load.Gap = max(load.Gap, at-lastGood[i])
			}
			lastGood[i] = at
		}
	}
	load.Gap = seconds(load.Gap)
	var f faults
	for i, s := range asked {
		want := strconv.Itoa(s.Health.Expect.Status)
		if first[i] != want {
			f.add("the client of %s got status %q before the upgrade, want %s", s.Unit, first[i], want)
		}
		if last[i] != want {
			f.add("the client of %s gets status %q at the end, want %s", s.Unit, last[i], want)
		}
	}
	if len(writers) > 0 && load.Writes == 0 {
		f = append(f, nothingWritten(writers, calls, said))
	}
	return load, f, nil
}

// nothingWritten says that no write was acknowledged, which shows nothing about what clients write, and what to do.
func nothingWritten(writers []Script, calls int, said []string) string {
	names := make([]string, len(writers))
	for i, s := range writers {
		names[i] = s.Name
	}
	last := ""
	if len(said) > 0 {
		last = " (the last one said: " + short(strings.Join(said, " | ")) + ")"
	}
	return fmt.Sprintf("nothing was written: of %d calls of %s with %q none was acknowledged, that is, ended with exit code 0%s; "+
		"so nothing shows that writes survive. Run it by hand on a machine of the old release until it writes",
		calls, strings.Join(names, " and "), phaseLoad, last)
}
