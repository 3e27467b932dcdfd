# The database and what an admin configured; then the release serves.
set -eu
su postgres -c "psql -Xq -v ON_ERROR_STOP=1" <<'END'
create role almanac login password 'it''s: $5 #';
create database almanac owner almanac;
END
sed -i 's/Good day/Good morning/; s/^DB_PASSWORD=.*/DB_PASSWORD="it'"'"'s: \\$5 #"/' /etc/almanac.conf
sed -i 's/^store.password=.*/store.password: it'"'"'s\\: $5 #/; s/^store.pool=5/store.pool = 9/' /etc/almanac/store.properties
sed -i 's/^language = en/; Ours\nlanguage: de/' /etc/almanac/almanac.ini
sed -i "s/^first = .*/first = 'sunday'   # ours/" /etc/almanac/almanac.toml
su postgres -c "psql -Xq -v ON_ERROR_STOP=1 -d almanac" <edition.sql
systemctl enable --now almanac almanac-notes
