"""Servers of archives that send something else, each with the words that refuse it."""

import hashlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from unittest import mock

from attacks.cases import ACCEPTED, Area

from resiliency.data import download
from resiliency.data.download import Archive, fetch, locked

CONTENT = bytes(range(256)) * 200
OTHER = ": expected "  # before a checksum
GIVEN_UP = "cannot be downloaded from http://"


def _answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1") + body


def _length(count: int) -> str:
    return f"Content-Length: {count}"


def _moved(place: str) -> bytes:
    return _answer(b"", f"Location: {place}", _length(0), status="302 Found")


WHOLE = _length(len(CONTENT))
# What each server sends at every request, in parts, before it closes the connection, or a function that says so, given
# whether a range is asked for; and part of the refusal.
SERVERS = {
    "falls silent in the middle": ([_answer(CONTENT[:999], WHOLE), *repeat(b"", 1000)], "timed out"),
    "speaks no HTTP": ([b"\x00\x16garbage\r\n" * 9], GIVEN_UP),
    "a redirect to a file of this machine": ([_moved("file:///etc/passwd")], "HTTP status 302"),
    "the first half, without a length": ([_answer(CONTENT[: len(CONTENT) // 2])], OTHER),
    "a larger length than it sends": ([_answer(CONTENT, _length(60_000))], "connection closed after 51,200 of 60,000"),
    "a larger length, and nothing where its file ends": (
        lambda ranged: [_answer(b"", status="416 No")] if ranged else [_answer(CONTENT[:-1], WHOLE)],
        "HTTP status 416",
    ),
    "chunks of no length": ([_answer(b"zzz\r\n", "Transfer-Encoding: chunked")], GIVEN_UP),
    "the archive": ([_answer(CONTENT, WHOLE)], ACCEPTED),
}  # fmt: skip


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            ranged = False
            while line := self.rfile.readline().strip():
                ranged |= line.lower().startswith(b"range:")
            parts = self.server.parts
            for part in parts(ranged) if callable(parts) else parts:
                self.wfile.write(part)
                if not part and self.server.ended.wait(0.1):
                    return
        except ConnectionError:
            pass  # the other side has enough


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def _serving(parts) -> Iterator[str]:
    """A server on this machine that sends `parts` at every request, an empty one as a pause; its address."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.parts, server.ended = parts, threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


def _fetch(folder: Path, parts: object) -> None:
    patched = mock.patch.multiple(download, PAUSE=0, TIMEOUT=0.3)
    with patched, _serving(parts) as address, locked(folder):
        path = fetch(Archive(f"{address}/files/a.bin", "a.bin", hashlib.md5(CONTENT).hexdigest()), folder)
        assert path.read_bytes() == CONTENT


AREAS = (Area("servers of archives", _fetch, SERVERS),)
