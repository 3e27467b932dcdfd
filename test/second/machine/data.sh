set -eu
mkdir -p /var/lib/almanac/letters/anna/deep
echo dear >/var/lib/almanac/letters/anna/deep/1
chmod 0640 /var/lib/almanac/letters/anna/deep/1
echo certificate >/root/almanac.pem
echo KEEP=60 >/etc/almanac-notes.conf
curl -fsS http://127.0.0.1:7070/saying >/dev/null
