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
	for _, s := range r.checks.Scripts {
		fmt.Fprintf(&write, "if %s; then echo ok; else echo no; fi\n", r.callCheck(s, phaseLoad)+" >/dev/null 2>&1")
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
done`)
	if err != nil {
		return nil, nil, err
	}
	return judgeLoad(out, r.asked(), len(r.checks.Scripts) > 0)
}

// judgeLoad reads what the clients noted, in the order of time.
func judgeLoad(out string, asked []manifest.Service, writes bool) (*Load, faults, error) {
	load := &Load{}
	lastGood, first, last := make([]float64, len(asked)), make([]string, len(asked)), make([]string, len(asked))
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "write":
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
	if writes && load.Writes == 0 {
		f.add("not one call of the product's scripts with %q ended well", phaseLoad)
	}
	return load, f, nil
}
