"""This machine: its processor, its memory, and its GPUs, shared out among the jobs that run on it at once."""

import ctypes
import fcntl
import os
import platform
import re
import tempfile
import time
from contextlib import suppress
from functools import cache
from itertools import takewhile
from pathlib import Path

from resiliency.base.faults import Fault

VISIBLE = "CUDA_VISIBLE_DEVICES"
SLOTS = "RESILIENCY_GPU_SLOTS"
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")


def processor() -> str:
    """The model of the processor, as Linux names it, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def machine() -> str:
    """The processor and the operating system on which times are measured."""
    return f"{processor()}, {platform.system()}"


def gpu_slots() -> int:
    """How many processes share a GPU: one, unless the environment variable `SLOTS` says otherwise.

    Raises:
        Fault: the variable is not an integer of 1 or more.
    """
    value = os.environ.get(SLOTS, "1")
    if not value.isdecimal() or int(value) < 1:
        raise Fault(f"{SLOTS}: expected the number of processes per GPU (integer ≥ 1), got {value!r}")
    return int(value)


def claim_gpu(devices: Path = Path("/dev"), claims: Path | None = None) -> None:
    """Let this process see but one of the GPUs that it sees, one with a free slot, and hold the slot until it ends.

    Must come before CUDA is used. Waits while all slots are taken. The first slots of all GPUs are taken before their
    second ones. A process that sees no GPU claims nothing, nor does one that sees the one that SLURM gave it: within
    SLURM's jobs GPUs are numbered anew.

    Args:
        devices: folder with a file nvidia0, nvidia1, ... for each GPU.
        claims: folder of the lock files; by default one of the user's.

    Raises:
        Fault: as `gpu_slots`.
    """
    visible = visible_gpus(devices)
    if not visible or (len(visible) == 1 and "SLURM_JOB_ID" in os.environ):
        return
    claims = claims or Path(tempfile.gettempdir(), f"resiliency-gpus-{os.getuid()}")
    claims.mkdir(mode=0o700, exist_ok=True)
    places = [(slot, gpu) for slot in range(gpu_slots()) for gpu in visible]
    waiting = False
    while True:
        for slot, gpu in places:
            if _try_lock(claims / f"{gpu.replace('/', '_')}.{slot}"):
                os.environ[VISIBLE] = gpu
                return
        if not waiting:
            print(f"GPU {', '.join(visible)} is in use; waiting for a free slot", flush=True)
            waiting = True
        time.sleep(1)


def _try_lock(path: Path) -> bool:
    """Whether the file at `path` could be locked; it then stays open, and locked, until the process ends."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them.

    As for CUDA, the first name that is not of a GPU, such as -1 or SLURM's NoDevFiles, hides those after it.
    """
    if VISIBLE in os.environ:
        names = (name.strip() for name in os.environ[VISIBLE].split(","))
        return list(takewhile(_GPU.fullmatch, names))
    return [str(gpu) for gpu in range(len(list(devices.glob("nvidia[0-9]*"))))]


# Parameters of glibc's mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_LARGEST = 2**31 - 1


@cache
def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, up to 2 GiB, for what it allocates next.

    glibc hands blocks of megabytes back to the kernel once they are freed. A step of training frees all of its
    activations, and the next one would have the kernel clear as many pages again: a tenth to a third of the time of
    small networks, and up to half of the time that corruptions of images of 224 px take. Where there is no `mallopt`,
    as outside of glibc, nothing changes.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _LARGEST)
