"""Answers /version and /saying, and counts in its state how often it was asked."""
import http.server
import json
import os

COUNT = "/var/lib/almanac/count"


class Almanac(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/version":
            answer = {"version": "@VERSION@"}
        else:
            asked = int(open(COUNT).read()) + 1 if os.path.exists(COUNT) else 1
            with open(COUNT + "~", "w") as f:
                f.write(str(asked))
            os.rename(COUNT + "~", COUNT)
            saying = open("/usr/share/almanac/sayings").read().strip()
            answer = {"greeting": os.environ["GREETING"], "saying": saying, "asked": asked}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Almanac).serve_forever()
