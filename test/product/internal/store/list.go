package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Viewer is the user a request came from and the tenant it is about.
type Viewer struct {
	UserID     int
	Username   string
	Admin      bool
	TenantID   int
	TenantName string
}

// Page says which rows of a list are wanted, and how.
type Page struct {
	Size, Offset int
	Sort         []string            // field names; a leading "-" is descending
	Include      []string            // fields to show; none is all
	AllTenants   bool                // every tenant the viewer may see
	Filters      map[string][]string // filter name -> accepted values; names the resource does not have are ignored
}

// Row is one answer's fields, by their names in the API.
type Row map[string]any

// List returns a page of the rows that the viewer may see, and how many there are.
func (db *DB) List(ctx context.Context, v Viewer, resource string, p Page) (rows []Row, total int, err error) {
	r, ok := db.resources[resource]
	if !ok {
		return nil, 0, fmt.Errorf("there is no resource %q", resource)
	}
	args := pgx.NamedArgs{"tenant": v.TenantID, "user": v.UserID, "admin": v.Admin, "size": p.Size, "offset": p.Offset}
	where := "TRUE"
	if r.shared {
		where = db.visible(p.AllTenants)
	}
	for name, values := range p.Filters {
		if expr, ok := r.filters[name]; ok {
			key := "f_" + strings.ReplaceAll(name, "-", "_")
			where += fmt.Sprintf(" AND %s = ANY(@%s)", expr, key)
			args[key] = values
		}
	}
	fields := r.fields
	if len(p.Include) > 0 {
		fields = slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return !slices.Contains(p.Include, f.name) })
	}
	if err := db.pool.QueryRow(ctx, "SELECT count(*) FROM "+r.from+" WHERE "+where, args).Scan(&total); err != nil {
		return nil, 0, err
	}
	if len(fields) == 0 {
		return []Row{}, total, nil
	}
	exprs := make([]string, len(fields))
	for i, f := range fields {
		exprs[i] = f.expr
	}
	sql := "SELECT " + strings.Join(exprs, ", ") + " FROM " + r.from + " WHERE " + where +
		" ORDER BY " + r.orderBy(p.Sort) + " LIMIT @size OFFSET @offset"
	found, err := db.pool.Query(ctx, sql, args)
	if err != nil {
		return nil, 0, err
	}
	rows, err = pgx.CollectRows(found, func(row pgx.CollectableRow) (Row, error) {
		values, err := row.Values()
		return toRow(fields, values), err
	})
	if rows == nil {
		rows = []Row{}
	}
	return rows, total, err
}

// Get returns the one row with that id, or ErrNotFound.
func (db *DB) Get(ctx context.Context, v Viewer, resource, id string) (Row, error) {
	rows, _, err := db.List(ctx, v, resource, Page{Size: 1, Filters: map[string][]string{"id": {id}}})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ErrNotFound
	}
	return rows[0], nil
}

// visible is the condition on rows that belong to a tenant and a creator. Before 4.2.0 a row without
// private_resource is as good as private; in 4.2.0 one without resource_availability is shown to
// nobody but its creator.
func (db *DB) visible(all bool) string {
	tenant := "r._tenant_id = @tenant"
	if all {
		tenant = `(@admin OR r._tenant_id IN (SELECT tenant_id FROM users_tenants WHERE user_id = @user))`
	}
	if !db.release.Availability {
		return tenant + " AND (r.private_resource IS FALSE OR r._creator_id = @user OR @admin)"
	}
	return "(r.resource_availability = 'global' OR (" + tenant + ` AND (r._creator_id = @user
		OR r.resource_availability = 'tenant' OR (@admin AND r.resource_availability = 'private'))))`
}

func (r resource) orderBy(sort []string) string {
	var terms []string
	for _, s := range sort {
		name, down := strings.CutPrefix(s, "-")
		for _, f := range r.fields {
			if f.name == name && !f.json {
				terms = append(terms, f.expr+map[bool]string{true: " DESC", false: ""}[down])
			}
		}
	}
	if len(terms) == 0 {
		terms = []string{r.order}
	}
	if r.shared {
		terms = append(terms, "r._storage_id")
	}
	return strings.Join(terms, ", ")
}

func toRow(fields []field, values []any) Row {
	row := Row{}
	for i, f := range fields {
		switch v := values[i].(type) {
		case time.Time:
			row[f.name] = v.UTC().Format("2006-01-02T15:04:05.000Z")
		case []byte:
			row[f.name] = json.RawMessage(nil)
			if f.json && json.Valid(v) {
				row[f.name] = json.RawMessage(v)
			}
		default:
			row[f.name] = v
		}
	}
	return row
}
