"""The state of an image file, by which a stage sees that it was changed since the study listed it."""

import os


def file_state(file: str) -> str:
    """Size in bytes and modification time, in nanoseconds since 1970, of a file; empty if it is not there."""
    try:
        status = os.stat(file)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
