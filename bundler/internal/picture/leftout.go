package picture

import (
	"regexp"
	"strings"

	"onerpm/bundler/internal/release"
	"onerpm/internal/manifest"
)

// always is what no machine keeps, or what is looked at otherwise.
var always = []release.LeftOut{
	{Part: Files, Name: "/{proc,sys,dev,run,tmp,var/tmp}", Why: "in memory, or temporary"},
	{Part: Files, Name: "/{var/log,var/cache,lost+found}", Why: "logs and caches"},
	{Part: Files, Name: "/{var/lib/rpm,usr/lib/sysimage/rpm,var/lib/dnf,usr/lib/sysimage/libdnf5,var/lib/yum,var/lib/PackageKit,var/lib/apt,var/lib/dpkg/lock*}", Why: "the package managers' own records; packages are compared by themselves"},
	{Part: Files, Name: "/var/lib/systemd/{timers,random-seed,timesync,catalog,coredump,pstore,sleep}", Why: "systemd's own records"},
	{Part: Files, Name: "/var/lib/{postgresql,pgsql}/**/{base,global,log,{pg_wal,pg_xlog,pg_xact,pg_clog,pg_commit_ts,pg_dynshmem,pg_logical,pg_multixact,pg_notify,pg_replslot,pg_serial,pg_snapshots,pg_stat,pg_stat_tmp,pg_subtrans,pg_tblspc,pg_twophase,pg_log},postmaster.*,current_logfiles,logfile,.s.PGSQL*}", Why: "databases are compared by what is in them"},
	{Part: Files, Name: "/etc/{passwd,shadow,group,gshadow,subuid,subgid}", Why: "users and groups are compared one by one"},
	{Part: Files, Name: "/etc/{passwd,shadow,group,gshadow,subuid,subgid}-", Why: "what the file was before its last change"},
	{Part: Files, Name: "/etc/{ld.so.cache,mtab,.pwd.lock,.updated}", Why: "made anew by programs of the system"},
	{Part: Files, Name: "/var/.updated", Why: "made anew by programs of the system"},
	{Part: Files, Name: "/**/__pycache__", Why: "Python's cache"},
	{Part: Files, Name: "/**/*.pyc", Why: "Python's cache"},
	{Part: Enabled, Name: "{run-*,session-*,snap-*}", Why: "made while the system runs"},
	{Part: Units, Name: "{user@*,user-runtime-dir@*,run-*,session-*,systemd-hostnamed.service,systemd-timedated.service,systemd-localed.service,packagekit.service,proc-sys-fs-binfmt_misc.*}", Why: "started when somebody asks, ended by itself"},
	{Part: Mounts, Name: "/{proc,sys,dev,run}**", Why: "in memory"},
	{Part: Kernel, Name: "{fs.dentry-state,fs.file-nr,fs.inode-nr,fs.inode-state,fs.quota.*,fs.aio-nr,fs.epoll.max_user_watches,kernel.ns_last_pid,kernel.random.*,kernel.pty.nr,kernel.tainted,kernel.cap_last_cap,kernel.sched_domain.*,kernel.hostname,kernel.acct,kernel.core_pattern_pipe,kernel.kexec_load_*,kernel.usermodehelper.*,net.netfilter.nf_conntrack_count,net.ipv4.tcp_fastopen_key,net.ipv6.conf.*.stable_secret}", Why: "counters, and values that the kernel draws"},
}

// own is what belongs to the upgrade itself.
func own(p string) []release.LeftOut {
	return []release.LeftOut{
		{Part: Files, Name: "/{opt/" + p + ",var/lib/" + p + ",usr/bin/" + p + ",usr/share/man/man8/" + p + ".8,usr/share/bash-completion/completions/" + p + "}", Why: "the upgrade's own"},
		{Part: Files, Name: "/etc/" + p + "/manual", Why: "certify writes it"},
		{Part: Packages, Name: p + "-*", Why: "the upgrade's own"},
		{Part: Enabled, Name: p + "{,-*}.service", Why: "the upgrade's own"},
		{Part: Units, Name: p + "{,-*}.service", Why: "the upgrade's own"},
	}
}

// LeftOut is what is not compared.
type LeftOut struct {
	list    []release.LeftOut
	pattern []*regexp.Regexp
}

// NewLeftOut is what a spec leaves out of a side, or of any for "", and what no machine keeps.
func NewLeftOut(prefix string, spec []release.LeftOut, side manifest.Side) LeftOut {
	var l LeftOut
	for _, one := range [][]release.LeftOut{spec, own(prefix), always} {
		for _, o := range one {
			if o.Only != "" && side != "" && o.Only != side {
				continue
			}
			l.list = append(l.list, o)
			l.pattern = append(l.pattern, o.Pattern())
		}
	}
	return l
}

// List is all of it, the spec's first, each with its reason.
func (l LeftOut) List() []release.LeftOut { return l.list }

// Has reports whether an entry of a part is left out.
func (l LeftOut) Has(part, name string) bool {
	for i, o := range l.list {
		if (o.Part == part || part == Passwords && o.Part == Users) && l.pattern[i].MatchString(name) {
			return true
		}
	}
	return false
}

// ownFolder reports whether a path is a folder that only exists for what is left out in it.
func ownFolder(prefix, path string) bool { return strings.TrimSuffix(path, "/") == "/etc/"+prefix }
