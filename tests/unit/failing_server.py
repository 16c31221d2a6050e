"""A server of one archive that answers as a test says: late, in part, refusing."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from resiliency.data.download import Archive

CONTENT = np.random.default_rng(0).bytes(2_500_001)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        range_header = self.headers["Range"]
        server.requests.append(range_header)
        start = int(re.fullmatch(r"bytes=(\d+)-", range_header)[1]) if range_header and server.knows_ranges else 0
        status = server.statuses.pop(0) if server.statuses else 206 if start else 200
        if start >= len(server.content):
            status = 416
        body = server.content[start:] if status < 300 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = server.drops.pop(0) if server.drops else len(body)
        self.wfile.write(body[:sent])
        self.wfile.flush()
        server.sent.append(len(body[:sent]))
        server.release.wait(20)


class Server(ThreadingHTTPServer):
    """Serves `content` at any path.

    `statuses` and `drops` hold what is special of the next answers: their status, and after how many bytes the
    connection closes. Unless `release` is set, connections stay open when all is sent that they send.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.knows_ranges = True
        self.statuses, self.drops, self.requests, self.sent = [], [], [], []
        self.release = threading.Event()
        self.release.set()
        self.archive = Archive(f"http://127.0.0.1:{self.server_port}/files/a.bin", "a.bin", MD5)
