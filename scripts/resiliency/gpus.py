"""One GPU for each of the jobs that run on a machine at once."""

import fcntl
import os
import re
import tempfile
import time
from itertools import takewhile
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")


def claim_gpu(devices: Path = Path("/dev"), claims: Path | None = None) -> None:
    """Let this process see but one of the GPUs that it sees, one that no other process has claimed, until it ends.

    Must come before CUDA is used. Waits while all are claimed. A process that sees one GPU, as SLURM arranges it, or
    none, claims nothing.

    Args:
        devices: folder with a file nvidia0, nvidia1, ... for each GPU.
        claims: folder of the files whose locks are the claims; by default one of the user's.
    """
    seen = visible_gpus(devices)
    if len(seen) < 2:
        return
    claims = claims or Path(tempfile.gettempdir(), f"resiliency-gpus-{os.getuid()}")
    claims.mkdir(mode=0o700, exist_ok=True)
    while True:
        for gpu in seen:
            file = os.open(claims / gpu.replace("/", "_"), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            os.environ[VISIBLE] = gpu
            return  # the file stays open, and locked, until the process ends
        time.sleep(1)


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them.

    As for CUDA, the first name that is none of a GPU, such as -1 or SLURM's NoDevFiles, hides what follows it.
    """
    if VISIBLE in os.environ:
        names = (name.strip() for name in os.environ[VISIBLE].split(","))
        return list(takewhile(_GPU.fullmatch, names))
    return [str(gpu) for gpu in range(len(list(devices.glob("nvidia[0-9]*"))))]
