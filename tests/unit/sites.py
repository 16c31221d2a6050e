"""A site on this machine that publishes small archives, and answers as a test says: late, or in part."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        site = self.server.site
        site.requests.append(self.path)
        path = site.folder / self.path.strip("/")
        content = path.read_bytes() if path.is_file() else b""
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: site.drops.pop(0) if site.drops else None])
        self.wfile.flush()
        site.release.wait(20)


class Site:
    """A folder whose files are at `url`.

    `requests` are the paths that were asked for. `drops` says after how many bytes the connections of the next answers
    close. Unless `release` is set, they stay open when all is sent.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.requests, self.drops = [], []
        self.release = threading.Event()
        self.release.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.site = self
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def put(self, name: str, content: bytes) -> str:
        """Serve `content` under `name`; its md5."""
        (self.folder / name).write_bytes(content)
        return md5(content)

    def put_tar(self, name: str, files: dict[str, bytes]) -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path, content in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        return self.put(name, packed.getvalue())


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()
