"""Servers of archives that send something else, each with the words that refuse it."""

import hashlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from pathlib import Path
from unittest import mock

from attacks.cases import Case, cases

from resiliency.data import download
from resiliency.data.download import Archive, fetch, locked

CONTENT = bytes(range(256)) * 200
LARGEST = 1_000_000
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
    "closes at once": ([], "Remote end closed connection"),
    "is silent": (repeat(b""), "timed out"),
    "falls silent in the middle": ([_answer(CONTENT[:999], WHOLE), *repeat(b"", 1000)], "timed out"),
    "speaks no HTTP": ([b"\x00\x16garbage\r\n" * 9], GIVEN_UP),
    "a status line of 60,000 characters": ([b"x" * 60_000 + b"\r\n\r\n"], GIVEN_UP),
    "a reason of 60,000 characters": ([_answer(b"", status=f"404 {'x' * 60_000}")], "HTTP status 404, xxx"),
    "control characters in the status line": ([_answer(b"", status="404 a\x1b[2J\x07b")], "HTTP status 404, "),
    "200 headers": ([_answer(CONTENT, *(f"X-{i}: 1" for i in range(200)), WHOLE)], "more than 100 headers"),
    "a redirect to itself": ([_moved("/files/a.bin")], "HTTP status 302"),
    "a redirect to a file of this machine": ([_moved("file:///etc/passwd")], "HTTP status 302"),
    "a redirect to no address": ([_moved("http://[x/a.bin")], GIVEN_UP),
    "a page of HTML": ([_answer(b"<html>Sign in</html>", "Content-Type: text/html", _length(20))], OTHER),
    "other bytes of the same length": ([_answer(CONTENT[::-1], WHOLE)], OTHER),
    "the first half, without a length": ([_answer(CONTENT[: len(CONTENT) // 2])], OTHER),
    "the first half, as if it were all": ([_answer(CONTENT, _length(len(CONTENT) // 2))], OTHER),
    "a larger length than it sends": ([_answer(CONTENT, _length(60_000))], "connection closed after 51,200 of 60,000"),
    "a larger length, and nothing where its file ends": (
        lambda ranged: [_answer(b"", status="416 No")] if ranged else [_answer(CONTENT[:-1], WHOLE)],
        "HTTP status 416",
    ),
    "a body without an end": ([_answer(b""), *repeat(CONTENT, 10_000)], "sends more than 1,000,000 bytes"),
    "a length beyond all archives": ([_answer(b"", _length(10**30)), *repeat(CONTENT, 10_000)], "sends more than"),
    "chunks of no length": ([_answer(b"zzz\r\n", "Transfer-Encoding: chunked")], GIVEN_UP),
    "the archive": ([_answer(CONTENT, WHOLE)], None),
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


def _fetch(folder: Path, parts, sha256: str = "") -> None:
    patched = mock.patch.multiple(download, PAUSE=0, TIMEOUT=0.3, LARGEST=LARGEST)
    with patched, _serving(parts) as address, locked(folder):
        path = fetch(Archive(f"{address}/files/a.bin", "a.bin", hashlib.md5(CONTENT).hexdigest(), sha256), folder)
        assert path.read_bytes() == CONTENT


def servers() -> list[Case]:
    """Each server, for an archive whose md5 is known, and for one whose SHA-256 is."""
    by_sha256 = partial(_fetch, sha256=hashlib.sha256(CONTENT).hexdigest())
    named = {f"{name}, by SHA-256": server for name, server in SERVERS.items()}
    return [*cases(SERVERS, _fetch), *cases(named, by_sha256)]
