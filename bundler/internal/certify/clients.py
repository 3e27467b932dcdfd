# Clients of a product's doors, at work until they are told to stop. None tries a request again: what fails has failed, as it does for
# a program that nobody wrote a retry for. For Python 2.7 and 3: a machine with yum or dnf has one of them.
#
# usage: clients.py FILE; FILE is JSON (startClients in clients.go). Prints a line for each request when it has ended: the number of
# its crowd; when its connection was made, in seconds since 1970, 0 for none; when the request ended; how many seconds the client
# waited, without what it took to send; and the status of the answer, or why no whole one came.
from __future__ import division

import base64, itertools, json, os, select, socket, ssl, sys, threading, time
try:
    from http.client import HTTPResponse
    from urllib.parse import urlsplit
except ImportError:
    from httplib import HTTPResponse
    from urlparse import urlsplit

LIMIT = 120  # seconds that the machine may say nothing
PARTS = 8  # that a slow client sends its request in

lock = threading.Lock()
stopped = threading.Event()
numbers = itertools.count(int(time.time()) * 100000)


def unverified(sock):
    if hasattr(ssl, "_create_unverified_context"):
        return ssl._create_unverified_context().wrap_socket(sock)
    return ssl.wrap_socket(sock)


class Client(threading.Thread):
    def __init__(self, index, crowd):
        threading.Thread.__init__(self)
        self.daemon = True
        self.index, self.crowd, self.url = index, crowd, urlsplit(crowd["url"])
        self.sock = None

    def run(self):
        while not stopped.is_set():
            with lock:
                number = next(numbers)
            self.sending, began = 0, time.time()
            try:
                result = str(self.ask(str(number)))
            except Exception as failed:
                result = "%s %s" % (type(failed).__name__, failed)
                self.close()
            ended = time.time()
            with lock:
                print("%d %.3f %.3f %.3f %s" % (self.index, self.made, ended, ended - began - self.sending, " ".join(result.split())))
                sys.stdout.flush()
                if self.crowd["notes"] and result.startswith("2"):
                    with open(self.crowd["notes"], "a") as notes:
                        notes.write("%d\n" % number)
            stopped.wait(self.crowd["every"])

    def ask(self, number):
        if self.sock and select.select([self.sock], [], [], 0)[0]:  # the server has ended the connection
            self.close()
        if not self.sock:
            self.connect()
        text = self.message(number)
        step = len(text) // PARTS + 1 if self.crowd["slow"] else len(text)
        for at in range(0, len(text), step):
            if at > 0:
                time.sleep(self.crowd["slow"] / PARTS)
                self.sending += self.crowd["slow"] / PARTS
            self.sock.sendall(text[at:at + step])
        answer = HTTPResponse(self.sock, method=self.crowd["method"])
        answer.begin()
        answer.read()
        if answer.will_close:
            self.close()
        return answer.status

    def connect(self):
        secure = self.url.scheme == "https"
        self.made = 0
        self.sock = socket.create_connection((self.url.hostname, self.url.port or (443 if secure else 80)), LIMIT)
        self.made = time.time()
        if secure:
            self.sock = unverified(self.sock)

    def message(self, number):
        path = (self.url.path or "/") + ("?" + self.url.query if self.url.query else "")
        lines = ["%s %s HTTP/1.1" % (self.crowd["method"], path), "Host: " + self.url.netloc] + self.crowd["headers"]
        if os.access(self.crowd["headersFile"], os.R_OK):
            with open(self.crowd["headersFile"]) as f:
                lines += [line.strip() for line in f if line.strip()]
        body = base64.b64decode(self.crowd["body"]).replace(b"{n}", number.encode())
        if body:
            lines.append("Content-Length: %d" % len(body))
        if not self.crowd["keep"]:
            lines.append("Connection: close")
        return "\r\n".join(lines + ["", ""]).replace("{n}", number).encode("utf-8") + body

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None


with open(sys.argv[1]) as f:
    config = json.load(f)
clients = [Client(i, crowd) for i, crowd in enumerate(config["crowds"]) for _ in range(crowd["many"])]
for client in clients:
    client.start()
while not os.path.exists(config["stop"]) and os.path.exists(sys.argv[1]):  # without its folder nobody needs them any more
    time.sleep(0.1)
stopped.set()
end = time.time() + LIMIT + 10
for client in clients:
    client.join(max(0, end - time.time()))
