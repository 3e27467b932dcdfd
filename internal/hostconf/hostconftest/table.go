// Package hostconftest has the tables that every user of hostconf runs in its tests:
// they all see the same keys, values and addresses.
package hostconftest

import "onerpm/internal/manifest"

// Value is what stands at the key "k" of a file.
type Value struct {
	Name, Format, Text string
	Want               string
}

// Values are forms in which people and programs write a value.
var Values = []Value{
	{"json", "json", `{"a": 1, "k": "it's \"so\" é/"}`, `it's "so" é/`},
	{"json, byte order mark and CRLF", "json", "\ufeff{\r\n\t\"k\": \"v\"\r\n}\r\n", "v"},
	{"json, long number", "json", `{"k": 12345678901234567890.10}`, "12345678901234567890.10"},

	{"yaml, plain", "yaml", "a: 1\nk: one two # not this\n", "one two"},
	{"yaml, single quotes", "yaml", "k: 'it''s # this'\n", "it's # this"},
	{"yaml, double quotes", "yaml", `k: "a\tb \u00e9 \"c\""` + "\n", "a\tb é \"c\""},
	{"yaml, plain over lines", "yaml", "k: one\n  two\n  three\na: 1\n", "one two three"},
	{"yaml, a blank that is none", "yaml", "k: one\u00a0two three\n", "one\u00a0two three"},
	{"yaml, blanks behind", "yaml", "a: 1  \nk: one two \t\nb: x\n", "one two"},
	{"yaml, blanks behind, over lines", "yaml", "k: é é  \n\n  two \na: true \n", "é é\ntwo"},
	{"yaml, blanks behind, CRLF", "yaml", "a: null \r\nk: x \r\nx: 1 \r\n", "x"},
	{"yaml, blanks behind and a quote at the end", "yaml", "k: x' \na: ~ \n", "x'"},
	{"yaml, literal", "yaml", "k: |\n  one\n  two\na: 1\n", "one\ntwo\n"},
	{"yaml, folded and kept", "yaml", "k: >+\n  one\n  two\n\na: 1\n", "one two\n\n"},
	{"yaml, octal stays as written", "yaml", "k: 0644\n", "0644"},
	{"yaml, a version stays as written", "yaml", "k: 1.10\n", "1.10"},
	{"yaml, braces", "yaml", "{ a: [1, {b: 2}], k: 'v', }\n", "v"},
	{"yaml, CRLF with comments", "yaml", "# a\r\na: 1 # b\r\n# c\r\nk: v # d\r\n", "v"},
	{"yaml, byte order mark", "yaml", "\ufeffk: v\n", "v"},
	{"yaml, document marks", "yaml", "%YAML 1.2\n---\nk: v\n...\n", "v"},
	{"yaml, quoted key", "yaml", "\"k\": v\n", "v"},
	{"yaml, URL with #", "yaml", "k: http://x/?a=b#c\n", "http://x/?a=b#c"},

	{"env, plain", "env", "k=a b\n", "a b"},
	{"env, nothing", "env", "k=\n", ""},
	{"env, last line without an end", "env", "a=1\nk=v", "v"},
	{"env, single quotes", "env", "k='a \"b\" $c \\'\n", `a "b" $c \`},
	{"env, double quotes", "env", `k="a \"b\" \$c \\ \d"` + "\n", `a "b" $c \ \d`},
	{"env, quotes and comment", "env", "k='v' # not this\n", "v"},
	{"env, joined parts in quotes", "env", `k="a"'b'c` + "\n", "abc"},
	{"env, quotes within are characters", "env", `k=a"b'c` + "\n", `a"b'c`},
	{"env, comment sign within", "env", "k=a # b\n", "a # b"},
	{"env, shell's comment", "env", "export k=a # not this\n", "a"},
	{"env, shell joins", "env", `export k=a"b c"'d'` + "\n", "ab cd"},
	{"env, goes on in the next line", "env", "k=a \\\n  b\n", "a   b"},
	{"env, quotes over lines", "env", "k=\"a\n# b\nc\"\na=1\n", "a\n# b\nc"},
	{"env, line break in quotes taken away", "env", "k=\"a\\\nb\"\n", "ab"},
	{"env, backslash takes a meaning away", "env", `k=a\ b\$` + "\n", "a b$"},
	{"env, blanks around the sign", "env", "  k = v  \n", "v"},
	{"env, CRLF", "env", "k=v\r\na='1'\r\n", "v"},
	{"env, byte order mark", "env", "\ufeffk=v\n", "v"},
	{"env, the last one holds", "env", "k=1\nk=2\n", "2"},
	{"env, comments of both kinds", "env", "#k=1\n;k=2\nk=3\n#k=4\n", "3"},
	{"env, a sign within", "env", "k=a=b=\n", "a=b="},

	{"ini, equals", "ini", "k = v\n[s]\nk = w\n", "v"},
	{"ini, colon", "ini", "a = 1\nk: v\n", "v"},
	{"ini, no blanks", "ini", "k=v", "v"},
	{"ini, nothing", "ini", "k =\na = 1\n", ""},
	{"ini, signs within", "ini", "k = a=b:c\n", "a=b:c"},
	{"ini, colon first, a blank behind it", "ini", "k: a = b\n", "a = b"},
	{"ini, comment signs within", "ini", "k = a;b#c\n", "a;b#c"},
	{"ini, comments of both kinds", "ini", "# k = 1\n ; k = 2\nk = 3 \t\n", "3"},
	{"ini, quotes within", "ini", "k = it's \"so\"\n", "it's \"so\""},
	{"ini, lines", "ini", "k = one\n  two\n\n  # not this\n  three = 3\na = 1\n", "one\ntwo\n\nthree = 3"},
	{"ini, lines below the key", "ini", "k =\n\tone\n\ttwo", "\none\ntwo"},
	{"ini, a line that is indented less", "ini", "  a = 1\nk = 2\n", "2"},
	{"ini, URL with #", "ini", "k = http://x/?a=b#c\n", "http://x/?a=b#c"},
	{"ini, CRLF and byte order mark", "ini", "\ufeffk = v\r\n  w\r\n", "v\nw"},
	{"ini, a percent sign", "ini", "k = 50%\n", "50%"},

	{"toml, double quotes", "toml", `k = "a\tb \u00e9 \"c\"" # not this` + "\n", "a\tb é \"c\""},
	{"toml, single quotes", "toml", `k = 'a\t"b"'`, `a\t"b"`},
	{"toml, lines", "toml", "k = \"\"\"\none\n\\\n  two\"\"\"\n", "one\ntwo"},
	{"toml, literal lines", "toml", "k = '''\none\\n\ntwo'''\n", "one\\n\ntwo"},
	{"toml, lines of CRLF", "toml", "k = \"\"\"\r\none\r\ntwo\\r\n\"\"\"\r\n", "one\ntwo\r\n"},
	{"toml, a number", "toml", "k = +1_000\n", "1000"},
	{"toml, a hexadecimal number", "toml", "k = 0xFF\n", "0xFF"},
	{"toml, a float", "toml", "k = 1.10e+3\n", "1.10e+3"},
	{"toml, a date", "toml", "k = 1979-05-27 07:32:00Z\n", "1979-05-27 07:32:00Z"},
	{"toml, a quoted key", "toml", "\"k\" = 'v'\n", "v"},
	{"toml, CRLF and byte order mark", "toml", "\ufeffa = 1\r\nk = 'v'\r\n[t]\r\nk = 2\r\n", "v"},

	{"properties, equals", "properties", "k=v\n", "v"},
	{"properties, colon", "properties", "k : v\n", "v"},
	{"properties, blank", "properties", "k   v w\n", "v w"},
	{"properties, a sign is a value's", "properties", "k==v\n", "=v"},
	{"properties, nothing", "properties", "k\na=1\n", ""},
	{"properties, blanks behind stay", "properties", "k = v \n", "v "},
	{"properties, escapes", "properties", `k = \ a\tb\\c\:\q\u00e9\ud83d\ude00` + "\n", " a\tb\\c:qé😀"},
	{"properties, escapes in the key", "properties", `\u006b\` + "\n  = v\n", "v"},
	{"properties, goes on in the next line", "properties", "k = a,\\\n    b,\\\r\n\tc\na=1\n", "a,b,c"},
	{"properties, a line of # that goes on", "properties", "k = a\\\n# b\n", "a# b"},
	{"properties, an even number of \\", "properties", "k = a\\\\\nb=1\n", "a\\"},
	{"properties, comments of both kinds", "properties", "#k=1\n  ! k=2 \\\nk=3\n", "3"},
	{"properties, comment signs within", "properties", "k=a # b ! c\n", "a # b ! c"},
	{"properties, ISO 8859-1", "properties", "k=f\xfcr\n", "für"},
	{"properties, UTF-8", "properties", "k=für\n", "für"},
	{"properties, CRLF", "properties", "a=1\r\nk=v\r\n", "v"},
	{"properties, a form feed", "properties", "\fk\f=\fv\n", "v"},
}

// Address is what a file says about a database.
type Address struct {
	Name, Format, Text string
	Keys               manifest.ConnectionKeys
	Host               string
	Port               int
	Database           string
	User, Password     string
	Err                string // part of the error, "" for none
}

var (
	keys = manifest.ConnectionKeys{Host: "host", Port: "port", Database: "db.name", User: "user", Password: "password"}
	five = manifest.ConnectionKeys{Host: "host", Database: "db.name", User: "user", Password: "password"}
	one  = manifest.ConnectionKeys{Host: "url", Database: "url", User: "url", Password: "url"}

	below  = manifest.ConnectionKeys{Host: "db.host", Port: "db.port", Database: "db.name", User: "db.user", Password: "db.password"}
	whole  = manifest.ConnectionKeys{URL: "url"}
	beside = manifest.ConnectionKeys{URL: "url", User: "user", Password: "password"}
)

func yaml(host string) string {
	return "host: " + host + "\ndb: {name: d}\nuser: u\npassword: p\n"
}

func url(text string) string { return "url=" + text + "\n" }

// Addresses are forms in which products write where their database is.
var Addresses = []Address{
	{"name", "yaml", yaml("db.example"), five, "db.example", 5432, "d", "u", "p", ""},
	{"name and port", "yaml", yaml("db.example:5433"), five, "db.example", 5433, "d", "u", "p", ""},
	{"IPv4", "yaml", yaml("10.0.0.1"), five, "10.0.0.1", 5432, "d", "u", "p", ""},
	{"IPv6", "yaml", yaml("'::1'"), five, "::1", 5432, "d", "u", "p", ""},
	{"IPv6 in brackets", "yaml", yaml("'[::1]'"), five, "::1", 5432, "d", "u", "p", ""},
	{"IPv6 in brackets and port", "yaml", yaml("'[::1]:7000'"), five, "::1", 7000, "d", "u", "p", ""},
	{"folder of a socket", "yaml", yaml("/var/run/postgresql"), five, "/var/run/postgresql", 5432, "d", "u", "p", ""},
	{"port of its own", "json", `{"host": "h:1", "port": 6000, "db": {"name": "d"}, "user": "u", "password": "p"}`, keys, "h", 6000, "d", "u", "p", ""},
	{"port as text", "json", `{"host": "h", "port": "6000", "db": {"name": "d"}, "user": "u", "password": "p"}`, keys, "h", 6000, "d", "u", "p", ""},
	{"no port", "json", `{"host": "h", "port": "", "db": {"name": "d"}, "user": "u", "password": ""}`, keys, "h", 5432, "d", "u", "", ""},
	{"key with a dot", "env", "host=h\ndb.name=d\nuser='u'\npassword=\"p \\\"x\\\"\"\n", five, "h", 5432, "d", "u", `p "x"`, ""},
	{"password of a machine's making", "env", "host=h\ndb.name=d\nuser=u\npassword=a$b=c\"d'#e\n", five, "h", 5432, "d", "u", `a$b=c"d'#e`, ""},
	{"anchors", "yaml", "x: &x {host: h, user: u}\n<<: *x\ndb: &y {name: d}\npassword: &p 0123\nmore: *p\n", five, "h", 5432, "d", "u", "0123", ""},
	{"merge key in a list", "yaml", "x: &x {host: h}\ny: &y {host: i, user: u}\n<<: [*x, *y]\ndb: {name: d}\npassword: !!str 12\n", five, "h", 5432, "d", "u", "12", ""},
	{"URL", "env", url("postgresql://u:p%40%2F@h:5433/d?sslmode=require"), one, "h", 5433, "d", "u", "p@/", ""},
	{"URL of a driver", "env", url("'postgresql+psycopg2://u:p/q@[::1]:5433/d'"), one, "::1", 5433, "d", "u", "p/q", ""},
	{"URL of JDBC", "env", url("jdbc:postgresql://h/d?user=u&password=a%26b"), one, "h", 5432, "d", "u", "a&b", ""},
	{"URL of a socket", "env", url("postgres://u:p@/d?host=/run/pg&port=5433"), one, "/run/pg", 5433, "d", "u", "p", ""},
	{"URL of a socket as host", "env", url("postgres://u:p@%2Frun%2Fpg/d"), one, "/run/pg", 5432, "d", "u", "p", ""},

	{"INI", "ini", "[db]\nhost = h\nport: 5433\nname = d\nuser = u\npassword = p%40;#=:'\n", below, "h", 5433, "d", "u", "p%40;#=:'", ""},
	{"INI, before the sections", "ini", "url = postgresql://u:p%40@h/d\n[s]\nurl = x\n", whole, "h", 5432, "d", "u", "p@", ""},
	{"TOML", "toml", "[db]\nhost = \"h\"\nport = 5_433\nname = 'd'\nuser = \"\\u0075\"\npassword = \"\"\"\np\"\"\"\n", below, "h", 5433, "d", "u", "p", ""},
	{"TOML, dots and braces", "toml", "db.host = 'h'\ndb.port = 5433\ndb.name = 'd'\ndb.user = 'u'\ndb.password = 'p'\n", below, "h", 5433, "d", "u", "p", ""},
	{"properties", "properties", "db.host=h\ndb.port : 5433\ndb.name d\ndb.user=\\\n  u\ndb.password=p\\u0071 \n", below, "h", 5433, "d", "u", "pq ", ""},

	{"one URL", "yaml", "url: postgresql://u:p%40ss@h:5433/d?sslmode=disable\n", whole, "h", 5433, "d", "u", "p@ss", ""},
	{"one URL of a driver", "yaml", "url: postgresql+asyncpg://u:p@[::1]/d\n", whole, "::1", 5432, "d", "u", "p", ""},
	{"one URL of a socket", "yaml", "url: postgres://u:p@/d?host=/run/pg&port=5433\n", whole, "/run/pg", 5433, "d", "u", "p", ""},
	{"one URL, user and password beside it", "properties", "url=postgresql\\://h/d\nuser=u\npassword=p\n", beside, "h", 5432, "d", "u", "p", ""},
	{"one URL, the same user beside it", "json", `{"url": "postgres://u:p@h/d", "user": "u", "password": ""}`, beside, "h", 5432, "d", "u", "p", ""},
	{"one URL of JDBC", "properties", "url=jdbc:postgresql://h:5433/d?user=u&password=a%26b\n", whole, "h", 5433, "d", "u", "a&b", ""},
	{"one URL of JDBC without a host", "properties", "url=jdbc:postgresql:d?user=u\n", whole, "localhost", 5432, "d", "u", "", ""},
	{"one URL of JDBC, a / and no host", "ini", "[db]\nurl = jdbc:postgresql:/d\n[own]\nuser = u\n", manifest.ConnectionKeys{URL: "db.url", User: "own.user"}, "localhost", 5432, "d", "u", "", ""},
	{"connection string", "ini", "url = host=h port=5433 dbname=d user=u password=p sslmode=disable\n", whole, "h", 5433, "d", "u", "p", ""},
	{"connection string, quotes and blanks", "json", `{"url": " host = h\tdbname='d' user=u password='p q\\'s \\\\' "}`, whole, "h", 5432, "d", "u", `p q's \`, ""},
	{"connection string, \\ outside of quotes", "json", `{"url": "host=h dbname=d user=u password=p\\ q\\\\"}`, whole, "h", 5432, "d", "u", `p q\`, ""},
	{"connection string, an address beside the name", "yaml", "url: host=h hostaddr=10.0.0.1 dbname=d user=u\n", whole, "10.0.0.1", 5432, "d", "u", "", ""},
	{"connection string, a socket", "yaml", "url: host=/run/postgresql dbname=d\nuser: u\npassword: p\n", beside, "/run/postgresql", 5432, "d", "u", "p", ""},

	{"no address in one value", "yaml", "url: S3cret\n", whole, "", 0, "", "", "", "neither a URL"},
	{"an empty value", "properties", "url=\n", whole, "", 0, "", "", "", "neither a URL"},
	{"another database's URL", "yaml", "url: mysql://u:S3cret@h/d\n", whole, "", 0, "", "", "", "neither a URL"},
	{"no such key of one value", "ini", "[db]\nuri = postgres://u:S3cret@h/d\n", manifest.ConnectionKeys{URL: "db.url"}, "", 0, "", "", "", `no value "db.url"`},
	{"another user beside it", "json", `{"url": "postgres://u:S3cret@h/d", "user": "v", "password": ""}`, beside, "", 0, "", "", "", "names another user"},
	{"another password beside it", "json", `{"url": "postgres://u:S3cret@h/d", "user": "u", "password": "S3cret2"}`, beside, "", 0, "", "", "", "names another password"},
	{"no user in it or beside it", "yaml", "url: postgres://h/d\n", whole, "", 0, "", "", "", "must not be empty"},
	{"one URL with several hosts", "yaml", "url: postgres://u:S3cret@a,b/d\n", whole, "", 0, "", "", "", "several hosts"},
	{"one URL with several hosts and ports", "yaml", "url: postgres://u:S3cret@a:1,b:2/d\n", whole, "", 0, "", "", "", "several hosts"},
	{"one URL with a # behind its ?", "yaml", "url: postgres://u@h/d?password=S3cret#x\n", whole, "", 0, "", "", "", "%23"},
	{"one URL with a # in the database", "yaml", "url: postgres://u:S3cret@h/d#x\n", whole, "", 0, "", "", "", "%23"},
	{"one URL with a + behind its ?", "properties", "url=jdbc:postgresql://h/d?user=u&password=S3cret+x\n", whole, "", 0, "", "", "", "%2B"},
	{"one URL with a part twice", "properties", "url=jdbc:postgresql://h/d?user=u&user=S3cret\n", whole, "", 0, "", "", "", "stands twice behind its ?"},
	{"connection string, several ports", "yaml", "url: host=a port=1,2 dbname=d user=u password=S3cret\n", whole, "", 0, "", "", "", "several hosts"},
	{"connection string, a service", "yaml", "url: service=S3cret dbname=d user=u\n", whole, "", 0, "", "", "", "names a service"},
	{"connection string, a file with the password", "yaml", "url: host=h dbname=d user=u passfile=/S3cret\n", whole, "", 0, "", "", "", "passfile"},
	{"connection string, a key twice", "yaml", "url: host=h dbname=d user=u password=S3cret password=x\n", whole, "", 0, "", "", "", "a key stands twice"},
	{"connection string, an open quote", "yaml", "url: host=h dbname=d user=u password='S3cret\n", whole, "", 0, "", "", "", "a quote in it is not closed"},
	{"connection string, a \\ at the end", "yaml", "url: host=h dbname=d user=u password=S3cret\\\n", whole, "", 0, "", "", "", `ends with a \`},
	{"connection string, a word alone", "yaml", "url: host=h dbname=d S3cret user=u\n", whole, "", 0, "", "", "", "no list of key=value"},
	{"connection string, nothing behind a sign", "yaml", "url: host= port=5432 dbname=d user=S3cret\n", whole, "", 0, "", "", "", "a sign in it that no host has"},
	{"INI, quotes", "ini", "url = \"postgres://u:S3cret@h/d\"\n", whole, "", 0, "", "", "", `"url" stands in quotes`},
	{"INI, a comment behind it", "ini", "[db]\nhost = h ; S3cret\nport=1\nname=d\nuser=u\npassword=p\n", below, "", 0, "", "", "", `"db.host" has a ; or #`},
	{"INI, a value from another key", "ini", "url = postgres://u:%(S3cret)s@h/d\n", whole, "", 0, "", "", "", `"url" has %( in it`},
	{"INI, a section twice", "ini", "[db]\nhost = h\n[db]\npassword = S3cret\n", below, "", 0, "", "", "", `line 3: the section "db" stands twice`},
	{"properties, a value from another place", "properties", "url=jdbc:postgresql://${S3cret}/d\n", whole, "", 0, "", "", "", "some readers replace"},
	{"properties, a key twice", "properties", "url=postgres://u@h/d\nurl=postgres://u:S3cret@i/d\n", whole, "", 0, "", "", "", `line 2: the key "url" stands twice`},
	{"TOML, a table in its place", "toml", "[url]\nhost = 'S3cret'\n", whole, "", 0, "", "", "", `"url" is no text`},
	{"TOML, broken", "toml", "url = 'S3cret\n", whole, "", 0, "", "", "", "line 1"},

	{"no such key", "json", `{"host": "h", "db": {"name": "d"}, "password": "S3cret"}`, five, "", 0, "", "", "", `no value "user"`},
	{"null", "yaml", "host: h\ndb: {name: d}\nuser:\npassword: S3cret\n", five, "", 0, "", "", "", `no value "user"`},
	{"a list", "yaml", "host: [h]\ndb: {name: d}\nuser: u\npassword: S3cret\n", five, "", 0, "", "", "", `"host" is no text`},
	{"a tag of somebody's own", "yaml", "host: h\ndb: {name: d}\nuser: u\npassword: !vault S3cret\n", five, "", 0, "", "", "", `"password" is no text`},
	{"empty", "env", "host=\ndb.name=d\nuser=u\npassword=S3cret\n", five, "", 0, "", "", "", "must not be empty"},
	{"several hosts", "env", "host=a,b\ndb.name=d\nuser=u\npassword=S3cret\n", five, "", 0, "", "", "", "several hosts"},
	{"a port of letters", "env", "host=h:S3cret\ndb.name=d\nuser=u\npassword=S3cret\n", five, "", 0, "", "", "", "no number from 1 to 65535"},
	{"an open bracket", "env", "host=[::1\ndb.name=d\nuser=u\npassword=S3cret\n", five, "", 0, "", "", "", "no IPv6 address"},
	{"a shell's own value", "env", "export host=h\nexport db.name=d\nexport user=u\nexport password=\"$S3cret\"\n", five, "", 0, "", "", "", `"password" has a $`},
	{"two words", "env", "host=h\ndb.name=d\nuser=u\npassword=\"S3cret\" x\n", five, "", 0, "", "", "", `"password" is more than one word`},
	{"URL with two @", "env", url("postgres://u:S3cret@x@h/d"), one, "", 0, "", "", "", "%40"},
	{"URL with a bad escape", "env", url("postgres://u:S3cret%zz@h/d"), one, "", 0, "", "", "", "%25"},
	{"URL without a user", "env", url("postgres://h/d"), one, "", 0, "", "", "", "must not be empty"},
	{"an open quote", "env", "host=h\ndb.name=d\nuser=u\npassword='S3cret\n", five, "", 0, "", "", "", "line 4: password: a quote that is not closed"},
	{"no JSON", "json", `{"host": "h", "password": "S3cret"`, five, "", 0, "", "", "", "ends too early"},
	{"no YAML", "yaml", "{ host: h, password: 'S3cret", five, "", 0, "", "", "", "line 1"},
	{"a key twice", "json", `{"host": "h", "host": "S3cret"}`, five, "", 0, "", "", "", `"host" stands twice`},
	{"nothing", "yaml", "", five, "", 0, "", "", "", `no value "host"`},
	{"a format", "hocon", "x", five, "", 0, "", "", "", "none of json, yaml, env, ini, toml, properties"},
}
