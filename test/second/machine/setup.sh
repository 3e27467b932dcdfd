# The database and what an admin configured; then the release serves.
set -eu
su postgres -c "psql -Xq -v ON_ERROR_STOP=1" <<'END'
create role almanac login password 'it''s: $5 #';
create database almanac owner almanac;
END
sed -i 's/Good day/Good morning/; s/^DB_PASSWORD=.*/DB_PASSWORD="it'"'"'s: \\$5 #"/' /etc/almanac.conf
su postgres -c "psql -Xq -v ON_ERROR_STOP=1 -d almanac" <edition.sql
systemctl enable --now almanac almanac-notes
