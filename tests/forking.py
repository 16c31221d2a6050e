#!/usr/bin/env -S python3 -IS
"""Programs that start at once: each is a fork of a process that has imported what it imports from elsewhere.

The library is not imported beforehand, so that each program reads the code of its own repository, as in a process of
its own. Run as a program itself, this file stands in for Python: `forking.py script.py` has the script run in a fork,
and `forking.py -m snakemake`, by which Snakemake starts others in jobs of a cluster, another Snakemake.
"""

import fcntl
import gc
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

SNAKEMAKE = ("snakemake.cli", "snakemake.report.html_reporter", "snakemake.storage", "nbformat", "platformdirs")
SNAKEMAKE += ("smart_open", "PIL.ImageOps", "yaml", "snakemake_executor_plugin_slurm")
SCRIPTS = ("snakemake.script", "snakemake.logging", "pandas", "pyarrow.parquet", "scipy.stats", "pydantic", "timm")
SCRIPTS += ("torch._dynamo", "torchvision", "safetensors.torch", "sklearn.datasets", "altair", "vl_convert", "cv2")
SCRIPTS += ("captum.attr", "numba", "pymoo.algorithms.moo.nsga2", "scipy.optimize", "scipy.ndimage", "skimage")
# What a stand-in for Python has in its environment: where Snakemake and scripts are forked, and Python for all else.
OF_SNAKEMAKE, OF_SCRIPTS, PYTHON = "FORKING_SNAKEMAKE", "FORKING_SCRIPTS", "FORKING_PYTHON"


def address_of(imported: tuple[str, ...], environment: dict[str, str], folder: Path, owner: int) -> str:
    """The address of a process of which others are forks, which is started if no process of `folder` is like it.

    Args:
        imported: modules that it imports beforehand.
        environment: variables that it sees as it imports them.
        folder: where processes listen, for all that share them.
        owner: the process with which it ends.
    """
    description = json.dumps([imported, environment], sort_keys=True)
    address = folder / hashlib.sha256(description.encode()).hexdigest()[:16]
    with address.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            command = [sys.executable, __file__, "--serve", str(address), str(owner), *imported]
            subprocess.run(command, env=os.environ | environment, check=True)
    return str(address)


def request_status(address: str, request: dict, output: int = 1, errors: int = 2) -> int:
    """The exit status of what the process at `address` runs.

    Args:
        request: what `become` takes.
        output: descriptor of a file that gets what it prints, and `errors` of one that gets what it says of faults.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(request).encode()], [output, errors])
        return int(connection.recv(100) or -signal.SIGKILL)


def serve(address: str, owner: int, imported: list[str]) -> None:
    """Listen, and leave to a fork that forks for each request until the process `owner` ends."""
    for name in imported:
        import_module(name)
    gc.freeze()  # lest a collection in a fork copies all that was imported
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        if os.fork():
            return
        ended = os.pidfd_open(owner)
        while ended not in select.select([listener, ended], [], [])[0]:
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                return answer(connection)
            connection.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(connection: socket.socket) -> None:
    """Run what is asked in a fork of this fork, and send how it ended."""
    message, streams, *_ = socket.recv_fds(connection, 1 << 20, 2)
    child = os.fork()
    if child:
        connection.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
        os._exit(0)
    connection.close()
    for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), *streams)):
        os.dup2(stream, number)
    become(**json.loads(message))


def become(arguments: list[str], cwd: str, environment: dict[str, str]) -> None:
    """Go on as Python would with these arguments; Snakemake starts forks if the environment has their addresses."""
    import runpy

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    if arguments[0] == "-m":
        sys.executable = __file__ if OF_SCRIPTS in environment else sys.executable
        sys.argv, sys.path[0] = arguments[1:], cwd
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = arguments, str(Path(arguments[0]).parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    elif sys.argv[1].startswith("-") and sys.argv[1:3] != ["-m", "snakemake"]:
        os.execv(os.environ[PYTHON], [os.environ[PYTHON], *sys.argv[1:]])
    else:
        program = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}
        sys.exit(request_status(os.environ[OF_SNAKEMAKE if sys.argv[1] == "-m" else OF_SCRIPTS], program))
