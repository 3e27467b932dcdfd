package machinecheck

import (
	"fmt"
	"strings"
	"testing"

	"onerpm/test/host"
)

// Administrator is a script of what an admin gives the upgrade out of Elasticsearch: a user for the new release, which always
// asks for one.
func Administrator(name, password string) string {
	return "umask 077; mkdir -p /etc/" + Prefix + "; printf '" + name + "\\n" + password + "\\n' >/etc/" + Prefix + "/administrator; echo 'accept 4.0.1 credentials = yes' >>/etc/" + Prefix + "/upgrade.conf"
}

// keepsDocuments tells whether the product on a machine has its data in Elasticsearch, and no PostgreSQL.
func keepsDocuments(t testing.TB, m *host.Machine) bool {
	t.Helper()
	code, _ := m.ShCode(t, "grep -q db_address /opt/manager/cloudify-rest.conf")
	return code == 0
}

// elasticReady waits until each shard of Elasticsearch answers, which is a while after its port does, and makes all that was
// written visible. Yellow is the best that one node can be.
const elasticReady = `for i in $(seq 1200); do curl -fsS -m 10 'http://127.0.0.1:9200/_cluster/health?wait_for_status=yellow&timeout=5s' 2>/dev/null | grep -q '"timed_out":false' && break; sleep 0.1; done
curl -fsS -X POST http://127.0.0.1:9200/_refresh -o /dev/null
`

// eachDocument is a program in Python that reads every document.
const eachDocument = `import collections, hashlib, json, urllib.request
def ask(path, body=None):
    return json.load(urllib.request.urlopen("http://127.0.0.1:9200" + path, data=body and json.dumps(body).encode()))
def execution(h):
    return h["_id"] if h["_type"] == "execution" else h["_source"].get("context", {}).get("execution_id") if h["_index"].startswith("logstash") else None
def read(each):
    page, n = ask("/_search?scroll=1m&size=500", {"version": True, "query": {"match_all": {}}}), 0
    assert page["_shards"]["successful"] == page["_shards"]["total"], page["_shards"]
    while page["hits"]["hits"]:
        for h in page["hits"]["hits"]:
            n += 1
            each(h)
        page = ask("/_search/scroll?scroll=1m&scroll_id=" + page["_scroll_id"])
    assert n == page["hits"]["total"], (n, page["hits"]["total"])
`

// executions are the ids of all executions, also of those that only events and logs name.
func executions(t testing.TB, m *host.Machine) []string {
	t.Helper()
	return strings.Fields(m.Sh(t, elasticReady+"python3 - <<'END'\n"+eachDocument+`
found = set()
read(lambda h: found.add(execution(h)))
print(*sorted(found - {None, ""}))
END`))
}

// documents are the digests of all documents by (type, id, version, source), by index and type, but for what a [Client] uploads and,
// unless known is empty, for other executions than those, with their events and logs.
func documents(t testing.TB, m *host.Machine, known []string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, line := range strings.Split(m.Sh(t, elasticReady+"python3 - <<'END'\n"+eachDocument+`
known = set("`+strings.Join(known, " ")+`".split())
kinds = collections.defaultdict(list)
def add(h):
    ours = execution(h) if known else None
    if not (ours and ours not in known or h["_type"] == "blueprint" and h["_id"].startswith("`+uploadPrefix+`")):
        kinds[h["_index"] + " " + h["_type"]].append(json.dumps([h["_id"], h["_version"], h["_source"]], sort_keys=True))
read(add)
for kind, lines in kinds.items():
    print(kind, len(lines), hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest(), sep="\t")
END`), "\n") {
		kind, sum, _ := strings.Cut(line, "\t")
		found[kind] = sum
	}
	if len(found) < 2 {
		t.Fatalf("Elasticsearch has only these documents: %v", found)
	}
	return found
}

// traces shows what there is of PostgreSQL, and of the user that its release has.
const traces = "pg_lsclusters -h; pgrep -a postgres; ls -A /etc/postgresql/15 /var/lib/postgresql/15 /var/log/postgresql 2>/dev/null; grep -c cfyuser /etc/passwd; true"

// lastChanges are files that tell of users and clusters that came and went.
var lastChanges = []string{
	"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-", // what useradd and userdel keep of the last change
	"/etc/apt/apt.conf.d/02autoremove-postgresql", // Debian's list of clusters, made anew with each
}

// afresh is SQL for what a table's rows are compared without and with after they were copied out of Elasticsearch: the copy numbers rows in
// the order in which they are read, so that a reference is compared by what it leads to; passwords are salted.
const afresh = `case table_name when 'users' then $$ - 'password' - 'api_token_key' - 'created_at'$$ else $$ - '_storage_id'$$ end
	|| coalesce((select string_agg(format($$ || jsonb_build_object(%L, (select %s from %s r where r._storage_id = t.%I))$$, a.attname,
			case f.confrelid::regclass::text when 'nodes' then $$r.id || ' of ' || (select d.id from deployments d where d._storage_id = r._deployment_fk)$$ else 'r.id' end,
			f.confrelid::regclass, a.attname), '')
		from pg_constraint f join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1] join pg_attribute k on k.attrelid = f.confrelid and k.attnum = f.confkey[1]
		where f.contype = 'f' and f.conrelid = ('public.' || quote_ident(table_name))::regclass and k.attname = '_storage_id'), '')`

// there tells which of some documents of a type are there.
func there(t testing.TB, m *host.Machine, kind string, ids []string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, id := range strings.Fields(m.Sh(t, elasticReady+fmt.Sprintf(`for id in %s; do
		code=$(curl -sS -o /dev/null -w '%%{http_code}' http://127.0.0.1:9200/cloudify_storage/%s/$id)
		case $code in 200) echo $id;; 404) ;; *) echo "$id: $code" >&2; exit 1;; esac; done`, strings.Join(ids, " "), kind))) {
		found[id] = true
	}
	return found
}
