"""The state of a folder of images, by which a run sees that one was changed, added or removed since the last run."""

import hashlib
import os


def folder_state(folder: str) -> str:
    """A hash of paths, sizes and modification times of all files in `folder`, linked folders too; hidden ones are out.

    No file is opened. Of a folder that is not there, the hash of nothing.
    """
    digest, seen = hashlib.sha256(), set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        for name in () if real in seen else sorted(name for name in files if not name.startswith(".")):
            file = os.path.join(path, name)
            digest.update(os.fsencode(f"{os.path.relpath(file, folder)}\0{file_state(file)}\n"))
        seen.add(real)
    return digest.hexdigest()[:16]


def file_state(file: str) -> str:
    """Size in bytes and modification time, in nanoseconds since 1970, of a file; empty if it is not there."""
    try:
        status = os.stat(file)
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
