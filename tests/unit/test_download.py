"""Downloads against a real server on this machine: broken off, continued, refused, damaged and shared."""

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from failing_server import CONTENT, MD5, Server
from fault_messages import fault_of

from resiliency.data import download
from resiliency.data.download import fetch, locked

LOCKED_FETCH = """
import resource, sys
from pathlib import Path
from resiliency.data.download import Archive, fetch, locked
from resiliency.base.faults import Fault
url, md5, folder, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    with locked(Path(folder)):
        print(fetch(Archive(url, "a.bin", md5), Path(folder)), flush=True)
except Fault as fault:
    print(f"error: {fault}")
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def fetched(server: Server, folder: Path) -> Path:
    with locked(folder):
        return fetch(server.archive, folder)


def start(server: Server, folder: Path, log: Path, limit: int = 0) -> subprocess.Popen:
    command = [sys.executable, "-u", "-c", LOCKED_FETCH, server.archive.url, MD5, str(folder), str(limit)]
    with log.open("w") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


def wait_until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_file_is_downloaded_once(server, tmp_path):
    folder = tmp_path / "new" / "folder"
    path = fetched(server, folder)
    assert path == folder / "a.bin"
    assert path.read_bytes() == CONTENT
    assert fetched(server, folder) == path
    assert server.requests == [None]
    assert sorted(file.name for file in folder.iterdir()) == [".lock", "a.bin"]


def test_a_dropped_download_continues_where_it_broke_off(server, tmp_path, capsys):
    server.drops = [1_000_000, 700_000]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=1000000-", "bytes=1700000-"]
    assert sum(server.sent) == len(CONTENT)
    assert "connection closed after 1,000,000 of 2,500,001 bytes; trying again" in capsys.readouterr().out


def test_a_server_that_ignores_ranges_starts_anew(server, tmp_path):
    server.knows_ranges = False
    server.drops = [1_000_000]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=1000000-"]


@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT[:-1] + b"x"])
def test_a_part_that_nothing_can_follow_is_dropped(server, tmp_path, content):
    (tmp_path / "a.bin.part").write_bytes(content)
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [f"bytes={len(content)}-", None]


def test_wrong_bytes_are_not_kept(server, tmp_path):
    server.content = b"x" + CONTENT[1:]
    digest = hashlib.md5(server.content).hexdigest()
    message = fault_of(fetched, server, tmp_path)
    assert message.startswith(f"{tmp_path / 'a.bin'}: expected md5 {MD5} from {server.archive.url}, got md5 {digest};")
    assert [file.name for file in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("kept", [None, CONTENT])
def test_a_sha_256_goes_before_an_md5(server, tmp_path, kept):
    """Other bytes of the same md5 can be made; these are as published by it, but not by the SHA-256."""
    server.archive = server.archive._replace(sha256="0" * 64)
    if kept:
        (tmp_path / "a.bin").write_bytes(kept)
    message = fault_of(fetched, server, tmp_path)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert f"a.bin: expected SHA-256 {'0' * 64} from {server.archive.url}, got SHA-256 {digest}; run again" in message
    server.archive = server.archive._replace(md5="0" * 32, sha256=digest)
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_a_missing_file_is_named_at_once(server, tmp_path):
    server.statuses = [404]
    message = fault_of(fetched, server, tmp_path)
    assert message == (
        f"a.bin: cannot be downloaded from {server.archive.url} (HTTP status 404, Not Found); "
        f"run again when it can, or put the file at {tmp_path / 'a.bin'}"
    )
    assert len(server.requests) == 1


def test_a_full_disk_keeps_the_part(server, tmp_path):
    folder, log = tmp_path / "cache", tmp_path / "log"
    start(server, folder, log, limit=1_000_000).wait(20)
    part = folder / "a.bin.part"
    assert log.read_text().splitlines()[-1].startswith(f"error: {part}: cannot be written (File too large); make room")
    assert part.stat().st_size == 1_000_000
    assert fetched(server, folder).read_bytes() == CONTENT
    assert server.requests[-1] == "bytes=1000000-"


def test_two_studies_download_once(server, tmp_path):
    folder, logs = tmp_path / "cache", [tmp_path / "a", tmp_path / "b"]
    server.drops = [1_000_000]
    server.release.clear()
    runs = [start(server, folder, log) for log in logs]
    waits = f"{folder}: another process is downloading or extracting there; waiting for it"
    wait_until(lambda: server.sent and any(waits in log.read_text() for log in logs))
    server.release.set()
    assert [run.wait(20) for run in runs] == [0, 0]
    assert [log.read_text().splitlines()[-1] for log in logs] == [str(folder / "a.bin")] * 2
    assert server.requests == [None, "bytes=1000000-"]
    assert (folder / "a.bin").read_bytes() == CONTENT
