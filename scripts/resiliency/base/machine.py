"""This machine: its processor, memory and GPUs, what a job takes of it, and loops that are compiled
for it."""

import ctypes
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from resiliency.base.imports import Module, digest_of, module_of, reached

VISIBLE = "CUDA_VISIBLE_DEVICES"
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")


def processor() -> str:
    """The model of the processor, as Linux names it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def machine() -> str:
    """The processor and the operating system on which times are measured."""
    return f"{processor()}, {platform.system()}"


def visible_gpus() -> list[str]:
    """The GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them.

    As for CUDA, the first name that is not of a GPU, such as -1 or SLURM's NoDevFiles, hides those
    after it.
    """
    if VISIBLE in os.environ:
        names = (name.strip() for name in os.environ[VISIBLE].split(","))
        return list(takewhile(_GPU.fullmatch, names))
    return [str(gpu) for gpu in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]


# Parameters of glibc's mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_LARGEST = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, up to 2 GiB, for what it allocates next.

    glibc hands blocks of megabytes back to the kernel once they are freed. A step of training frees
    all of its activations, and the next one would have the kernel clear as many pages again: a
    tenth to a third of the time of small networks, and up to half of the time that corruptions of
    images of 224 px take. Where there is no `mallopt`, as outside of glibc, nothing changes.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _LARGEST)


_SPENT = re.compile(
    r"^CPU seconds: start-up and imports (?P<startup_cpu_seconds>[\d.]+), total "
    r"(?P<cpu_seconds>[\d.]+); "
    r"seconds by the clock: (?P<wall_seconds>[\d.]+); peak memory: (?P<max_rss_mib>[\d.]+|nan) "
    r"MiB$",
    re.MULTILINE,
)


def spent(startup: float, began: float) -> str:
    """What this process has taken so far, in a line that `spent_in` reads.

    Its memory is the most that was resident at a time, shared pages included. `getrusage` would
    count that of the process which started this one.

    Args:
        startup: CPU seconds until the work began, and `began` when, by `time.monotonic`.
    """
    wall = startup + time.monotonic() - began
    peak = re.search(
        r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE
    )
    memory = f"{int(peak[1]) / 1024:.1f}" if peak else "nan"
    cpu = f"CPU seconds: start-up and imports {startup:.2f}, total {time.process_time():.2f}"
    return f"{cpu}; seconds by the clock: {wall:.2f}; peak memory: {memory} MiB"


def spent_in(log: str | Path) -> dict[str, float] | None:
    """CPU seconds of starting and importing and in all, seconds by the clock, and peak memory in
    MiB, of the finished job that wrote `log`; None if unfinished."""
    match = _SPENT.search(Path(log).read_text(encoding="utf-8", errors="replace"))
    return {name: float(value) for name, value in match.groupdict().items()} if match else None


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: the function, compiled at its first call, with these options of numba; other
    threads run meanwhile.

    It is kept for other processes in a folder named by the syntax of its module and of those that
    this imports, because compiled code holds what it calls there, and constants from there. By
    itself numba knows the function's own file alone, of which some versions compare size and time.
    """
    from numba import config, njit  # take long to load

    settings: Any = config  # whose attributes mypy does not know

    def decorate(function: Callable[..., Any]) -> Any:
        name = function.__globals__["__name__"]
        path = Path(function.__globals__["__spec__"].loader.path)
        former = settings.CACHE_DIR
        folder = Path(former or path.parent / "__pycache__")
        settings.CACHE_DIR = str(folder / _imported_code(name, path))
        try:
            return njit(cache=True, nogil=True, **options)(function)
        finally:
            settings.CACHE_DIR = former

    return decorate


@cache
def _imported_code(name: str, path: Path) -> str:
    """A hash of the syntax of a module and of those that it imports, as this process imported them.

    Args:
        name: full name of the module at `path`.
    """
    folders = name.count(".") + (path.stem == "__init__")

    def as_imported(path: Path, name: str) -> Module:
        loader = getattr(sys.modules.get(name), "__loader__", None)
        source = getattr(loader, "source", None)
        return module_of(path.read_bytes() if source is None else source, path, name)

    return digest_of(reached([name], [path.parents[folders]], as_imported))
