"""A process that has imported packages, and forks for each requested job.

`server.py SOCKET ROOM` serves at the inherited socket until its standard input ends; ROOM is as
long as names of scripts may be. A request is a file in memory with a script, its folder and its
environment. The answers are the number of the process that runs the script, and then its exit
status, negative for a signal.
"""

import ctypes
import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

# What scripts import that takes long. None of it starts threads, which a fork would not have,
# except jemalloc.
PACKAGES = (
    "snakemake.script",
    "snakemake.logging",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "timm",
)
PACKAGES += (
    "pydantic.dataclasses",
    "torch._dynamo",
    "torch.utils.flop_counter",
    "torchvision",
    "safetensors.torch",
)
PACKAGES += ("sklearn.datasets", "altair", "vl_convert", "cv2")
PACKAGES += (
    "captum.attr",
    "numba",
    "pymoo.algorithms.moo.nsga2",
    "scipy.optimize",
    "scipy.ndimage",
    "skimage",
)
PATIENCE = 10  # seconds for which a connection may say nothing, while others wait
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
# Its place in memory, among the fields of /proc/self/stat from the third on (proc(5)).
_COMMAND = slice(45, 47)


def prepare(packages: Sequence[str]) -> None:
    """Import packages for forks, those that are installed; compile a loop with numba, and make a
    model with pydantic.

    The first loop of a process takes 0.15 s of CPU time more than the next ones; the first model
    0.05 s, because pydantic looks for plugins in all packages that are installed.
    """
    for name in packages:
        with suppress(ImportError):
            import_module(name)
    if "numba" in sys.modules:
        sys.modules["numba"].njit(lambda: None)()
    if "pydantic" in sys.modules:
        sys.modules["pydantic"].create_model("First")
    gc.freeze()  # lest a collection in a fork copies all that was imported


def serve(listener: socket.socket, owner: int) -> tuple[list, list[int]] | None:
    """Fork for each request at a socket, until the descriptor `owner` can be read from, as at its
    end.

    Forks are killed with this process, and each with whoever asked for it.

    Returns:
        In a fork, what was asked for, and further descriptors that were sent with it; None at the
        end.
    """
    server, running = os.getpid(), {}
    while True:
        connections = [connection for _, connection in running.values()]
        ready = select.select([listener, owner, *running, *connections], [], [])[0]
        if owner in ready:
            return None
        for child, connection in running.values():
            if connection in ready:  # its end
                os.kill(child, signal.SIGKILL)
        for end in running.keys() & ready:
            _answer(end, *running.pop(end))
        if listener in ready:
            connection, files = _accepted(listener)
            if files and not (child := _fork()):
                ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
                if os.getppid() != server:
                    os._exit(1)
                for end in (listener.detach(), connection.detach(), *running):
                    os.close(end)
                with open(files[0], "rb") as request:
                    request.seek(0)
                    return json.load(request), files[1:]
            for file in files:
                os.close(file)
            if files:
                running[os.pidfd_open(child)] = child, connection
                with suppress(OSError):
                    connection.send(str(child).encode())


def _fork() -> int:
    """Fork, without the warning that there is another thread: it is jemalloc's, which handles
    forks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 and later
        return os.fork()


def _accepted(listener: socket.socket) -> tuple[socket.socket, list[int]]:
    """A connection and the descriptors that it sends; none if it is another user's, ends, or says
    nothing."""
    connection, _ = listener.accept()
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    )
    with suppress(OSError):
        if user == os.getuid():
            connection.settimeout(PATIENCE)
            return connection, socket.recv_fds(connection, 10, 3)[1]
    return connection, []


def _answer(end: int, child: int, connection: socket.socket) -> None:
    """Send how the fork `child` ended, and close its descriptors."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(OSError), connection:
        connection.send(str(status).encode())
    os.close(end)


def run_script(script: str, folder: str, environment: dict[str, str]) -> None:
    """Go on in this process as Python would with a script."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # that of this process
    random.seed()
    sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.seed()
    _show((sys.executable, script))
    sys.argv = [script]
    if not sys.flags.safe_path:  # otherwise, the first folder is not that of this program
        sys.path[0] = os.path.dirname(script)
    runpy.run_path(script, run_name="__main__")


def _show(command: tuple[str, str]) -> None:
    """Have lists of processes show this program and its script, in the room that the server's
    command has."""
    with open("/proc/self/stat") as stat:
        start, end = map(int, stat.read().rpartition(")")[2].split()[_COMMAND])
    program, script = (os.fsencode(part) for part in command)
    shown = program.ljust(end - start - len(script) - 2) + b"\0" + script + b"\0"
    ctypes.memmove(start, shown[: end - start], end - start)


def main() -> None:
    # Of a terminal, or of `timeout`; Snakemake's end ends the server.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    prepare(PACKAGES)
    if job := serve(socket.socket(fileno=int(sys.argv[1])), sys.stdin.fileno()):
        run_script(*job[0])
    else:
        os._exit(0)  # a tear-down lets triton 3.9 complain of leaks after Snakemake's last line


if __name__ == "__main__":
    main()
