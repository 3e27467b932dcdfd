curl -fsS http://127.0.0.1:7070/version | grep -q "\"$ONERPM_RELEASE\""
