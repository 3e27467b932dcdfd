package storecheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"onerpm/internal/manifest"
	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/finding"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/storehost"
)

// patience is how long a check waits for shards that are not there yet.
const patience = 20 * time.Second

// Run tells everything about a store that stands in the upgrade's way, and what it found, nil when
// the documents cannot be read. With drained, the upgrade waits for documents that are not final. A
// source that may be starting, as after a boot, is waited for; otherwise one that does not answer is reported at once.
func Run(ctx context.Context, spec manifest.Store, drained, starting bool) (*Inspection, []finding.Finding) {
	at, err := storehost.Read(spec)
	if err != nil {
		return nil, []finding.Finding{{ID: "store-address", Level: finding.Refuse,
			What: fmt.Sprintf("store %s: %v", spec.Name, err), Do: "correct the file that it names; the upgrade reads there where the documents are"}}
	}
	s := source.New(spec, at.Host, at.Port)
	defer s.Close()
	if starting {
		if err := s.Ready(ctx); err != nil {
			return nil, unreadable(spec, fmt.Errorf("look at store %s: %w", spec.Name, err))
		}
	}
	s.From.Patience = patience
	i, err := Inspect(ctx, s, mapping.Options{Values: at.Values}, nil)
	if err != nil {
		return nil, unreadable(spec, err)
	}
	return i, i.findings(spec, drained)
}

// unreadable tells why documents cannot be read.
func unreadable(spec manifest.Store, err error) []finding.Finding {
	f := finding.Finding{ID: "store-unreachable", Level: finding.Refuse, What: err.Error(),
		Do: "start it, or correct its address in " + spec.From.Elasticsearch.File}
	switch {
	case errors.Is(err, elastic.ErrVersion):
		f = finding.Finding{ID: "store-version", Level: finding.Refuse, What: err.Error(),
			Do: "point " + spec.From.Elasticsearch.File + " at the product's own Elasticsearch"}
	case errors.Is(err, elastic.ErrClosed):
		f = finding.Finding{ID: "store-closed", Level: finding.Refuse, What: err.Error(),
			Do: "open it, or delete it when nobody needs it any more, then check again"}
	case errors.Is(err, elastic.ErrShards):
		f = finding.Finding{ID: "store-shards", Level: finding.Refuse, What: err.Error(),
			Do: "a part of the documents cannot be read: wait until Elasticsearch has started, or repair or restore the index (its log says why a shard is not there), then check again"}
	}
	return []finding.Finding{f}
}

// findings tells what was found.
func (i *Inspection) findings(spec manifest.Store, drained bool) (out []finding.Finding) {
	about := func(format string, a ...any) string {
		return fmt.Sprintf("store %s: ", spec.Name) + fmt.Sprintf(format, a...)
	}
	if len(i.Strange) > 0 {
		out = append(out, finding.Finding{ID: "store-unknown", Level: finding.Refuse,
			What: about("%v", &source.UnknownDocumentsError{Kinds: i.Strange}),
			Do:   "find out who made them; delete what is not the product's (its index, or the documents of that type), or ask for a bundle that knows them"})
	}
	if i.MisfitsAll > 0 {
		var list []string
		for _, m := range i.Misfits {
			list = append(list, m.Error())
		}
		out = append(out, finding.Finding{ID: "store-misfit", Level: finding.Refuse,
			What: about("%d values do not fit the new release's tables: %s", i.MisfitsAll, summarize(list, i.MisfitsAll)),
			Do:   "correct or delete these documents with the product's own means, then check again"})
	}
	if i.PendingAll > 0 {
		f := finding.Finding{ID: "store-not-final", Level: finding.Refuse,
			What: about("%d documents are not final, and the new release could not end what is under way: %s", i.PendingAll, summarize(i.Pending, i.PendingAll)),
			Do:   "wait until it has ended, or cancel it with the product's own means, or decide about it by a line \"ended RELEASE STORE TABLE KEY = VALUE\" of the settings, with the release that the upgrade leads to, then check again"}
		if drained {
			f.Level = finding.Warn
			f.Do = "the upgrade waits for their end, and goes back when that does not come in time; cancel what does not end by itself with the product's own means, or decide about it by a line \"ended RELEASE STORE TABLE KEY = VALUE\" of the settings, with the release that the upgrade leads to"
		}
		out = append(out, f)
	}
	if left := i.Reasons(); len(left) > 0 {
		out = append(out, finding.Finding{ID: "store-left-out", Level: finding.Warn,
			What: about("of %d documents, not all can be copied as they are: %s", i.Documents, strings.Join(left, "; ")),
			Do:   "nothing, if you can do without them at the new release: the source itself is not deleted by the copy"})
	}
	return out
}

// summarize names the first of a list, of which there may be more.
func summarize(list []string, all int64) string {
	text := strings.Join(list, "; ")
	if all > int64(len(list)) {
		text += fmt.Sprintf("; and %d more", all-int64(len(list)))
	}
	return text
}

// rowBytes is what a row takes with its indexes, the copy's own too, besides what is large in it: 303
// bytes were measured of events and logs, and 100 of the copy's indexes.
const rowBytes = 400

// DiskSpace is what the rows of all documents will take in the database, in bytes.
func (i *Inspection) DiskSpace() int64 { return i.Documents*rowBytes + i.Whole }

// MaxDiskSpace is more than the rows of what a source has will take, told without reading it.
func MaxDiskSpace(l source.Look) int64 { return l.Counts.All()*rowBytes + l.Bytes() }
