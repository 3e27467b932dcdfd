"""For the findings about Elasticsearch: asks the node at ADDRESS, the script's first argument."""

import json
import sys
import urllib.error
import urllib.request


def ask(method, path, body=None):
    """Returns the HTTP status and the answer as JSON, or as text where it is none."""
    data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://" + sys.argv[1] + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text
