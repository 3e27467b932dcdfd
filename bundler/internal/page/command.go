package page

import (
	"strings"

	"onerpm/bundler/internal/percent"
	"onerpm/bundler/internal/repo"
)

// step is one thing to do, with the command for it.
type step struct {
	Number  int    // 0 for none
	Alone   bool   // not one of a bundle's
	ID      string // of the element that holds the command
	Title   string
	Of      string // what it belongs to, for those who do not see it
	Hint    string
	Command string // lines for a shell
}

// steps are what to do with a jump's bundle, in order. The digest beside its name says whether it still is this bundle.
func (in Input) steps(e *edge, id string) []step {
	b := e.bundle
	name := quote(e.fileName())
	wait := quote(in.Prefix) + " wait"
	repository := "dnf install -y " + quote(in.Prefix+"-"+b.To) + " && " + wait
	if e.channel != repo.Stable {
		repository = "dnf install -y --enablerepo=" + quote(in.Prefix+"-"+e.channel) + " " + quote(in.Prefix+"-"+b.To) + " && " + wait
	}
	folder := quote("look-" + b.To)
	list := []step{
		{Title: "Download it, compare the checksum", Command: fetch(in.absolute(e.file()), e.fileName()) + "\necho " + quote(b.SHA256+"  "+e.fileName()) + " | sha256sum -c",
			Hint: "As root, on the machine that is to be upgraded, or anywhere else first."},
		{Title: "Check the signature", Command: "rpm --import " + quote(in.absolute(in.keyName())) + "\nrpm -K " + name,
			Hint: "The key is imported once on each machine; compare its fingerprint first (The key, below). rpm\u00a0-K must write \"signatures OK\", or \"rsa sha1\" and OK on release 7; OK without either is a file that nobody signed."},
		{Title: "Look whether the machine is ready",
			Command: "(mkdir " + folder + " && cd " + folder + " &&\n  rpm2cpio ../" + name + " | cpio -idm --quiet --no-absolute-filenames &&\n  ./opt/" + quote(in.Prefix) + "/" + quote(b.To) + "/bin/engine check)",
			Hint:    "Nothing is installed and nothing is changed. Exit code 0: ready. 3: not yet, and it says what to do."},
		{Title: "Install it and wait for the end", Command: "dnf install -y ./" + name + " && " + wait,
			Hint: "yum does as well as dnf. The exit code is the upgrade's: 0, " + b.To + " serves; 4, it failed and " + b.From + " serves as before; 6, agents are pending."},
		{Title: "Or install it by the repository", Command: repository,
			Hint: "In place of steps 1, 2 and 4, on a machine that has the repository (By the repository, below)."},
	}
	for i := range list {
		list[i].ID, list[i].Of = id+"-"+string(rune('1'+i)), b.From+" to "+b.To
		if i < 4 {
			list[i].Number = i + 1
		}
	}
	return list
}

func (in Input) keyName() string { return "RPM-GPG-KEY-" + in.Prefix }

func (in Input) repositoryStep() step {
	name := in.Prefix + ".repo"
	return step{Alone: true, ID: "add-repository", Title: "Add the repository", Of: "once on each machine",
		Command: fetch(in.absolute(name), "/etc/yum.repos.d/"+name) + "\ndnf search " + quote(in.Prefix),
		Hint:    "What is still being tried is in a section of its own that is switched off."}
}

func (in Input) keyStep() step {
	return step{Alone: true, ID: "look-at-key", Title: "Look at its fingerprint", Of: "before it is imported",
		Command: fetch(in.absolute(in.keyName()), in.keyName()) + "\ngpg --show-keys --with-fingerprint " + quote(in.keyName()),
		Hint:    "On release 7 it is gpg --with-fingerprint alone."}
}

// absolute is a file of the store as customers fetch it.
func (in Input) absolute(name string) string {
	return strings.TrimRight(in.Base, "/") + "/" + percent.Path(name)
}

// relative is a file of the store as a link on the page, which lies at the store's top.
func relative(name string) string { return "./" + percent.Path(name) }

// fetch downloads a URL into a file. Its name is said: curl -O would take the URL's, with escapes in it.
func fetch(url, file string) string { return "curl -fL -o " + quote(file) + " " + quote(url) }

// quote makes one word of a shell of s.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
