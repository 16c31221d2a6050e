"""The frame of every script: log, bounded threads, CPU time, and faults in one line."""

import fcntl
import json
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from resiliency.base.faults import Fault, expected
from resiliency.base.machine import keep_freed_memory, spent
from resiliency.study.fingerprint import DIGITS, imported_fingerprint
from snakemake_internals import running_script

# The rounding of a sum depends on its order, and so on the number of threads. One thread gives the
# same bytes on any number of cores.
COMPUTE_THREADS = 1
_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

# Fingerprints of scripts when the run began, for jobs on other machines, which take new ones.
BEGUN = "RESILIENCY_CODE"
# Set in the environment of tests: refuse tables that are not as tables.yaml describes them.
CHECKED = "RESILIENCY_TABLES_CHECKED"


@contextmanager
def stage(job: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Run the body of a script with all of its output, that of compiled code included, in the log
    of its job.

    NumPy and torch compute in `COMPUTE_THREADS` threads, whatever the number of cores that the job
    has; further cores are for processes that decode images, or for conditions that are scored at a
    time, which change no byte. A `Fault` leaves its one line in the log, any other exception its
    traceback; both end the process with status 1. The last line of a log has the time and memory
    that the job took (see `spent`). The process ends with the block, without the interpreter's
    tear-down, which takes 0.8 s of CPU where timm is loaded, and in which triton 3.9 complains of
    leaks. While another process does the same job, left behind by a Snakemake that was killed, this
    one waits for its end.

    Args:
        job: what Snakemake gives to a script as `snakemake`. The parameter `code` is the
            fingerprint of the script when the run began, or empty; it is a fault if the imported
            code has another one.

    Yields:
        Input, output and parameters of the job.
    """
    startup, began = time.process_time(), time.monotonic()
    log, code = job.log[0], job.params.code
    sys.stdout.flush()
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT, 0o644)
    _lock(file, log)
    os.truncate(file, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    output: Any = sys.stdout, sys.stderr
    output[0].reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    output[1].reconfigure(encoding="utf-8", errors="backslashreplace")
    # Of libraries that are loaded later.
    os.environ |= dict.fromkeys(_LIBRARIES, str(COMPUTE_THREADS))
    threadpool_limits(COMPUTE_THREADS)
    keep_freed_memory()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(COMPUTE_THREADS)
    status = 1
    try:
        _check_code(code)
        yield job.input, job.output, job.params
        if os.environ.get(CHECKED):
            _check_tables(job.output)
        _check_code(code)  # with what was imported since
        print(spent(startup, began))
        status = 0
    except Fault as fault:
        print(f"error: {fault}")
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _check_code(code: str) -> None:
    """Raise a Fault if the script, as Snakemake read it, and its imports have another fingerprint
    than `code`."""
    if not code:
        return
    path, text = running_script()
    begun = json.loads(os.environ.get(BEGUN, "{}"))
    given, got = begun.get(path.stem, code[:DIGITS]), imported_fingerprint(path, text)
    if got != given:
        imported = (
            "this job has other code than the run began with, and the library from "
            f"{Path(__file__).parents[1]}"
        )
        reason = f"{imported}: {expected(f'fingerprint {given}', got)}"
        raise Fault(
            f"{path.name}: {reason}; leave files as they are while a run goes on, and run again"
        )


def _check_tables(paths: Iterable[str]) -> None:
    """Raise a ValueError if a table of a study among these files is not as described."""
    from resiliency.storage import read_table
    from resiliency.tables import TABLES, faults

    for path in map(Path, paths):
        table = TABLES.get(path.stem)
        if table and path.match(table.path) and (said := faults(table, read_table(path))):
            raise ValueError(f"{path}: not as tables.yaml describes it: {'; '.join(said)}")


def _lock(file: int, log: str) -> None:
    """Lock `file`, the log that is open, until the process ends; where the file system knows
    locks."""
    with suppress(OSError):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"{log}: another process is running this job; waiting for it to finish", flush=True
            )
            fcntl.flock(file, fcntl.LOCK_EX)
