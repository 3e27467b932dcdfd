package storecheck

import (
	"context"
	"os"
	"strings"
	"testing"

	"onerpm/payload-scripts/internal/elastic"
	"onerpm/payload-scripts/internal/elastic/elastictest"
	"onerpm/payload-scripts/internal/ledger"
	"onerpm/payload-scripts/internal/mapping"
	"onerpm/payload-scripts/internal/source"
	"onerpm/payload-scripts/internal/store/storetest"
)

// TestSaidOfDocuments: what docs/stores.md shows is what is said of documents.
func TestSaidOfDocuments(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/stores.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, there := strings.Cut(string(page), "```text TestSaidOfDocuments\n")
	shown, _, ends := strings.Cut(rest, "```\n")
	if !there || !ends {
		t.Fatal("docs/stores.md shows nothing that is said of documents")
	}

	server := elastictest.New(t)
	storetest.Small(server)
	server.Put("things", "site", "bad", `{"id":"bad","plan_id":"p","made":"secret"}`)
	server.Refresh()
	i, err := Inspect(context.Background(), open(server), options(), nil)
	if err != nil || len(i.Misfits) != 1 {
		t.Fatalf("%+v, %v", i, err)
	}
	misfit := i.Misfits[0] // with the names of the page's example
	misfit.Table, misfit.Column, misfit.Index, misfit.Type, misfit.ID = "depots", "opened", "depot", "depot", "K1"
	tally := ledger.NewTally()
	tally.Skipped.Add("depot", mapping.NoRow, 12)
	said := append(tally.Reasons("parcels"), misfit.Error(),
		(&source.UnknownDocumentsError{Kinds: []elastic.Kind{{Index: "depot", Type: "invoice"}}}).Error())
	if got := strings.Join(said, "\n") + "\n"; got != shown {
		t.Errorf("said is\n%sand docs/stores.md shows\n%s", got, shown)
	}
}
