#!/usr/bin/env -S python3 -IS
"""Programs that start at once: each is a fork of a process that has imported what it imports from
elsewhere.

The library is not imported beforehand, so that each program reads the code of its own repository,
as in a process of its own. Run as a program itself, this file stands in for Python: `forking.py
script.py` has the script run in a fork, `forking.py -m` a module of the library, or another
Snakemake, which Snakemake starts in jobs of a cluster. A fork is killed with the program that asked
for it.
"""

import json
import os
import signal
import socket
import sys

SNAKEMAKE = (
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "snakemake.storage",
    "nbformat",
    "platformdirs",
)
SNAKEMAKE += ("smart_open", "PIL.ImageOps", "yaml", "snakemake_executor_plugin_slurm")
SNAKEMAKE += ("scipy.special", "tqdm", "snakemake.profiles", "snakemake.benchmark")
# Modules that read variables of the environment as they are imported.
READING = {"huggingface_hub.constants"}
# Folder for the names of the modules of the library that each script has imported at its end.
IMPORTED = "FORKING_IMPORTED"
# What a stand-in for Python has in its environment: where Snakemake and scripts are forked, and
# Python for all else.
OF_SNAKEMAKE, OF_SCRIPTS, PYTHON = "FORKING_SNAKEMAKE", "FORKING_SCRIPTS", "FORKING_PYTHON"


def request_status(address: str, request: dict, output: int = 1, errors: int = 2) -> int:
    """The exit status of what the process at `address` runs.

    Args:
        request: what `become` takes.
        output: descriptor of a file that gets what it prints, and `errors` of one that gets what it
            says of faults.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        job = os.memfd_create("job")
        os.write(job, json.dumps(request).encode())
        socket.send_fds(connection, [b"job"], [job, output, errors])
        connection.recv(100)  # the number of its process
        return int(connection.recv(100) or -signal.SIGKILL)


def serve(address: str, owner: int, imported: list[str]) -> None:
    """Listen, and leave to a fork that forks for each request until the process `owner` ends."""
    from snakemake_internals import server

    server.prepare(imported)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    if not os.fork() and (job := server.serve(listener, os.pidfd_open(owner))):
        request, streams = job
        become(streams, **request)


def become(streams: list[int], arguments: list[str], cwd: str, environment: dict[str, str]) -> None:
    """Go on as Python would with these arguments and on this path, which may have a sitecustomize.

    Snakemake starts forks if it has their addresses.

    Args:
        streams: descriptors of files that take the place of standard output and standard error.
    """
    import importlib
    import runpy
    import site

    for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), *streams)):
        os.dup2(stream, number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.orig_argv = [sys.executable, *arguments]
    path = environment.get("PYTHONPATH", "").split(os.pathsep)
    path = [folder for folder in path if folder and folder not in sys.path]
    sys.path[1:1] = path
    if any(os.path.exists(os.path.join(folder, "sitecustomize.py")) for folder in path):
        sys.modules.pop("sitecustomize", None)
        site.execsitecustomize()
    for name in READING & sys.modules.keys():
        importlib.reload(sys.modules[name])
    if arguments[0] == "-m":
        sys.executable = __file__ if OF_SCRIPTS in environment else sys.executable
        sys.argv, sys.path[0] = arguments[1:], cwd
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *arguments[2:]], cwd
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        if IMPORTED in environment:
            record_imports(environment[IMPORTED], os.path.basename(arguments[0]))
        sys.argv, sys.path[0] = arguments, os.path.dirname(arguments[0])
        runpy.run_path(arguments[0], run_name="__main__")


def record_imports(folder: str, script: str) -> None:
    """Have this process write, when it ends itself, which modules of the library it has imported.

    Args:
        folder: gets a file per process, with a name that ends as that of the script.
    """
    end = os._exit

    def record_and_end(status: int) -> None:
        names = [name for name in sys.modules if name.partition(".")[0] == "resiliency"]
        with open(os.path.join(folder, f"{os.getpid()}.{script}"), "w") as file:
            file.write("\n".join(names))
        end(status)

    os._exit = record_and_end


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        module = sys.argv[2] if sys.argv[1] == "-m" else ""
        if sys.argv[1].startswith("-") and module.partition(".")[0] not in (
            "snakemake",
            "resiliency",
        ):
            os.execv(os.environ[PYTHON], [os.environ[PYTHON], *sys.argv[1:]])
        program = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}
        sys.exit(
            request_status(
                os.environ[OF_SNAKEMAKE if module == "snakemake" else OF_SCRIPTS], program
            )
        )
