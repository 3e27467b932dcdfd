package certify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// lookDocuments counts the documents of every store of the old release, by index and type.
func (r *run) lookDocuments(ctx context.Context, s *state) error {
	for _, store := range r.m.Stores {
		at, err := r.urlOf(ctx, "http://127.0.0.1:9200", store.From.Elasticsearch)
		if err != nil {
			return fmt.Errorf("store %s: %w", store.Name, err)
		}
		found, err := r.readDocuments(ctx, at, perShard)
		if err != nil {
			return fmt.Errorf("store %s: read its documents: %w", store.Name, err)
		}
		for kind, n := range found {
			s.documents[store.Name+" "+kind] = n
		}
	}
	return nil
}

// perShard is how many documents of a shard are in one answer, unless they are too large for it.
const perShard = 16

// readDocuments reads all documents there are, which are not written meanwhile, and returns how many each "index/type" has and a digest of them by
// id, version and source.
func (r *run) readDocuments(ctx context.Context, at string, size int) (map[string]table, error) {
	for ; ; size /= 4 {
		found, err := r.scan(ctx, at, size)
		if !errors.Is(err, errFull) || size == 1 {
			return found, err
		}
	}
}

// page is one answer of Elasticsearch 1.x.
type page struct {
	Scroll string                          `json:"_scroll_id"`
	Shards struct{ Total, Successful int } `json:"_shards"`
	Hits   struct {
		Total int64
		Hits  []document
	}
}

type document struct {
	Index   string          `json:"_index"`
	Type    string          `json:"_type"`
	ID      string          `json:"_id"`
	Version int64           `json:"_version"`
	Source  json.RawMessage `json:"_source"` // as it was written
}

// getPage asks on the machine; a body goes over standard input.
const getPage = "curl -fsS --noproxy '*' -m 120 "

func (r *run) scan(ctx context.Context, at string, size int) (map[string]table, error) {
	// a node that was just started answers with the shards that it has by then; yellow is the best that one node can be
	p, err := r.page(ctx, getPage+"-o /dev/null "+quote(at+"/_cluster/health?wait_for_status=yellow&timeout=60s")+" &&\n"+
		getPage+"-o /dev/null -X POST "+quote(at+"/_refresh")+" &&\n"+
		getPage+quote(at+"/_search?search_type=scan&scroll=5m&version=true&size="+strconv.Itoa(size)))
	if err != nil {
		return nil, err
	}
	if p.Shards.Successful != p.Shards.Total {
		return nil, fmt.Errorf("of %d shards only %d answer", p.Shards.Total, p.Shards.Successful)
	}
	total, read, found := p.Hits.Total, int64(0), map[string]table{}
	sums := map[string]uint64{}
	for {
		if p, err = r.page(ctx, getPage+"-d @- "+quote(at+"/_search/scroll?scroll=5m")+" <<'END-OF-ID'\n"+p.Scroll+"\nEND-OF-ID"); err != nil {
			return nil, err
		}
		if len(p.Hits.Hits) == 0 {
			break
		}
		for _, d := range p.Hits.Hits {
			kind := d.Index + "/" + d.Type
			sums[kind] += d.digest()
			found[kind] = table{rows: found[kind].rows + 1, digest: strconv.FormatUint(sums[kind], 16)}
			read++
		}
	}
	if read != total {
		return nil, fmt.Errorf("%d of %d came", read, total)
	}
	return found, nil
}

func (r *run) page(ctx context.Context, script string) (p page, err error) {
	out, err := r.machine.must(ctx, "ask Elasticsearch", script)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		return p, fmt.Errorf("ask Elasticsearch: %w: %s", err, short(out))
	}
	return p, nil
}

// digest is a number for all that a document is; those of many are added, so that their order is of no matter.
func (d document) digest() uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %s", d.ID, d.Version, d.Source))
	return binary.BigEndian.Uint64(sum[:])
}

// documents tells what documents the old release has otherwise than before.
func (f *faults) documents(before, now map[string]table) {
	for _, kind := range sortedKeys(now) {
		if _, had := before[kind]; !had {
			f.add("documents %s are new: %d", kind, now[kind].rows)
		}
	}
	for _, kind := range sortedKeys(before) {
		switch b, n := before[kind], now[kind]; {
		case n.rows != b.rows:
			f.add("documents %s are %d, were %d", kind, n.rows, b.rows)
		case n.digest != b.digest:
			f.add("documents %s are %d as before, but not the same ones", kind, n.rows)
		}
	}
}
