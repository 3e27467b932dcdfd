// Package repo keeps a store of published bundles: a yum repository for each
// channel, the files that customers fetch by hand, and what tells people and programs what there is.
//
// It promises that a reader sees a whole, signed repository at every moment, whatever
// publishers do, however many there are, and wherever they are killed. A channel's state is an
// Index in a folder of its own, together with the repository's metadata; such a generation never
// changes. One small file, the pointer, names the current one and is replaced only when it is still the one
// that was read. Everything else in the store is either named by a digest, or follows from the generations and
// is written again by whoever finds that it does not.
//
// The store is foreign: what it says is believed only with the signature of the key that publishes. A
// generation made from bytes that somebody else put there would be signed with that key.
package repo

// The channels of a store. Stable is what customers have. Testing has all bundles, those that are still being tried
// among them: what goes into Stable is put into Testing first, so that one pointer decides whose a NEVRA is.
const (
	Stable  = "stable"
	Testing = "testing"
)

// Channels are all channels, in the order in which they are shown.
var Channels = []string{Stable, Testing}
