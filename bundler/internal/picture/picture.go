// Package picture takes a picture of a whole machine, and says in what two of them differ.
//
// A picture is made by one script that runs on the machine and prints a listing: packages, every file that lies on a
// disk, units and which of them start at boot, users and groups, mounts, settings of the kernel, addresses, routes,
// firewall rules and listening ports, the clock. The comparisons are pure: of two pictures, of what the upgrade's
// report says that it did, and of what is left out by name and with a reason.
//
// It promises that what is not left out, and not what the bundle's manifest and the report say, is told; and that no
// secret is in a picture: passwords are there as digests.
package picture

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/internal/nevra"
)

// The parts of a machine that are compared. A part's entries are by name.
const (
	Files     = "files"     // path -> kind, mode, owner, and a digest, or size and time
	Packages  = "packages"  // name of an rpm package -> its versions
	Enabled   = "enabled"   // unit file -> whether it starts at boot, in systemctl's words
	Units     = "units"     // unit -> active or failed; others are not listed
	Users     = "users"     // login name -> its line in /etc/passwd
	Passwords = "passwords" // login name -> its line in /etc/shadow, the hash as a digest
	Groups    = "groups"    // name -> its line in /etc/group
	Ports     = "ports"     // protocol, address and port that is listened at -> uid
	Mounts    = "mounts"    // folder -> device, type, options
	Network   = "network"   // links, addresses, routes, rules of the firewall
	Kernel    = "kernel"    // setting as sysctl(8) names it -> its value
	Clock     = "clock"     // "offset" -> seconds that the machine's clock is before the bundler's
)

// Parts are all of them, in the order in which differences are told.
var Parts = []string{Packages, Files, Enabled, Units, Users, Passwords, Groups, Ports, Mounts, Network, Kernel, Clock}

// Sections of a picture that are no parts: they are judged by themselves.
const (
	owned    = "owned"    // path -> RPMTAG_FILEFLAGS, of the product's packages
	altered  = "altered"  // path -> rpm -V's line, of the product's packages but for %config files and ghosts
	services = "services" // unit of the product -> what systemctl is-active says
	left     = "left"     // file that an upgrade must not leave behind
	digests  = "digests"
	updates  = "updates"
)

// Picture is what a machine was at one moment: section -> name -> value.
type Picture map[string]map[string]string

//go:embed picture.sh
var script string

// Script prints a picture of a machine with the product of the manifest.
func Script(m *manifest.Manifest) string {
	var units []string
	for _, s := range m.Services {
		units = append(units, s.Unit)
	}
	for _, s := range m.EarlyServices {
		units = append(units, s.Unit)
	}
	return "prefix=" + quote(m.Prefix) + "\nproduct=" + quote(strings.Join(Names(m), "\n")) + "\nhigher=" + quote(higher(m)) +
		"\ndigested() { cat <<'END-OF-PATHS'\n" + strings.Join(digested(m), "\n") + "\nEND-OF-PATHS\n}" +
		"\nasked() { cat <<'END-OF-UNITS'\n" + strings.Join(units, "\n") + "\nEND-OF-UNITS\n}\n" + script
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Names are all packages that belong to the product in any release that the bundle knows, sorted.
func Names(m *manifest.Manifest) []string {
	all := map[string]bool{}
	for _, r := range m.Known {
		for _, p := range r.Packages {
			all[p.Name] = true
		}
	}
	for _, p := range slices.Concat(m.Old, m.New) {
		all[p.Name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// digested are the paths whose files are compared by digest: none lies in another.
func digested(m *manifest.Manifest) []string {
	paths := append([]string{"/etc"}, m.State...)
	for _, c := range m.Config {
		paths = append(paths, c.Target)
	}
	for _, v := range m.Moves {
		paths = append(paths, v.Source(), v.Target())
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(paths, func(folder string) bool { return path != folder && manifest.Within(path, folder) })
	})
}

// higher is a sed script that takes out of a file what the upgrade has yum and dnf leave out: versions of the new
// release's packages that other releases have and that are higher.
func higher(m *manifest.Manifest) string {
	var b strings.Builder
	for _, p := range m.New {
		for _, r := range m.Known {
			for _, k := range r.Packages {
				if k.Name == p.Name && nevra.CompareEVR(k.EVR, p.EVR()) > 0 {
					fmt.Fprintf(&b, "s/,\\{0,1\\}%s//;", sedLiteral(k.Name+"-"+k.EVR+".*"))
				}
			}
		}
	}
	return b.String()
}

func sedLiteral(s string) string {
	return strings.NewReplacer(`\`, `\\`, "/", `\/`, ".", `\.`, "*", `\*`, "[", `\[`, "^", `\^`, "$", `\$`).Replace(s)
}

// Parse reads what the script printed, all of it; at is the time here.
func Parse(text string, at time.Time) Picture {
	p := Picture{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "@@ "); ok {
			section = name
			p[section] = map[string]string{}
			continue
		}
		if p[section] != nil && line != "" {
			p.note(section, line, at)
		}
	}
	p.mergeFiles()
	return p
}

// verified is how rpm -V begins a line about a file.
var verified = regexp.MustCompile(`^([.SM5DLUGTPC?]{8,9}|missing) `)

// note takes a line of a section in.
func (p Picture) note(section, line string, at time.Time) {
	name, value, _ := strings.Cut(line, "\t")
	switch section {
	case Packages:
		if before := p[section][name]; before != "" {
			value = before + " " + value
		}
		p[section][name] = value
	case altered:
		fields := strings.Fields(line)
		if !verified.MatchString(line) { // what a package requires is not there
			p[section][strings.Join(fields, " ")] = line
			return
		}
		if len(fields) < 2 || fields[1] == "c" || fields[1] == "g" { // configuration is compared by itself; ghosts belong to what runs
			return
		}
		p[section][fields[len(fields)-1]] = line
	case left:
		p[section][line] = ""
	case Files:
		value, path, ok := strings.Cut(line, "\t")
		if ok {
			p[section][strings.ReplaceAll(path, "\x01", "\n")] = value
		}
	case digests:
		path, sum := digestLine(line)
		p[section][path] = sum
	case Units:
		if value == "active" || value == "failed" { // others come and go, with a timer perhaps
			p[section][name] = value
		}
	case Ports:
		if name, uid, ok := listening(line); ok {
			p[section][name] = "uid " + uid
		}
	case Clock:
		if there, err := strconv.ParseInt(value, 10, 64); err == nil {
			p[section]["offset"] = strconv.FormatInt(there-at.Unix(), 10)
		}
	default:
		p[section][name] = value
	}
}

// digestLine reads a line of sha256sum, which has a backslash before it when the name's special signs are escaped.
func digestLine(line string) (path, sum string) {
	escaped := strings.HasPrefix(line, `\`)
	sum, path, _ = strings.Cut(strings.TrimPrefix(line, `\`), "  ")
	if escaped {
		path = strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(path)
	}
	return path, sum
}

// mergeFiles makes one value of what find and sha256sum said of a file.
func (p Picture) mergeFiles() {
	for file, sum := range p[updates] {
		if _, there := p[digests][file]; there {
			p[digests][file] = strings.Fields(sum)[0]
		}
	}
	for path, said := range p[Files] {
		f := strings.SplitN(said, " ", 6) // kind, mode, owner, size, time, what a link leads to
		if len(f) < 6 {
			continue
		}
		value := strings.Join(f[:3], " ")
		seconds, _, _ := strings.Cut(f[4], ".")
		sum := p[digests][path]
		switch {
		case f[0] == "l":
			value += " to " + f[5]
		case sum != "":
			value += " sha256 " + sum
		case f[0] == "f":
			value += " " + f[3] + " bytes of " + seconds
		}
		p[Files][path] = value
	}
	delete(p, digests)
	delete(p, updates)
}

// listening reads a line of /proc/net/tcp and the like: kind, local address, state, uid. UDP has no state; a port that the kernel chose is a client's.
func listening(line string) (name, uid string, ok bool) {
	f := strings.Fields(line)
	if len(f) != 4 {
		return "", "", false
	}
	address, port, ok := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(port, 16, 16)
	raw, err2 := hex.DecodeString(address)
	if !ok || err != nil || err2 != nil || len(raw)%4 != 0 {
		return "", "", false
	}
	udp := strings.HasPrefix(f[0], "udp")
	if !udp && f[2] != "0A" || udp && (f[2] != "07" || n >= 32768) {
		return "", "", false
	}
	for i := 0; i < len(raw); i += 4 { // words in the machine's order, which is little endian on what rpm products run on
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	ip, ok := netip.AddrFromSlice(raw)
	if !ok {
		return "", "", false
	}
	return strings.TrimSuffix(f[0], "6") + " " + netip.AddrPortFrom(ip, uint16(n)).String(), f[3], true
}

// Service is what systemctl is-active says of a unit of the product.
func (p Picture) Service(unit string) string { return p[services][unit] }

// Left are the files of an upgrade that should be gone.
func (p Picture) Left() []string { return slices.Sorted(maps.Keys(p[left])) }
