// Package machine is the test machine: a Debian with systemd as its first process, rpm and dnf,
// in a container that boots in seconds, on which a product can be installed.
//
// A machine is a systemd-nspawn container on an overlay. Below lies a root that
// mmdebstrap makes once, with the packages that the product needs (see [System]), and for a machine of a
// release one layer more in which that release was installed by its own packages, and one with its data; on top lies a
// fresh folder, or a small ext4 of its own where a power cut is to be tried. The lower layers are kept in a
// cache folder (see [CacheDir]) and named by a digest of what they are made of.
//
// The package promises:
//   - machines do not see one another: each has its own files, processes and
//     network (loopback only), so any number may run at a time;
//   - every wait is bounded by the caller's context and by a limit of its own;
//   - nothing is left behind: [Machine.Stop] removes mounts, processes and files,
//     and whatever a killed process leaves is removed by the next one that boots.
//
// It needs root and a few programs of Debian's; [Needs] says what lacks. Both the bundler and the tests use it (test/host), the
// engine does not.
package machine
