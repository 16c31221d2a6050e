"""A site that publishes small archives as data sets are published."""

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        super().do_GET()


class Site:
    """A folder whose files are at `url`, and the paths that were asked for."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.requests = self.server.requests = []
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
