"""Pictures in folders that cannot be decoded, all found at once.

A header says little: most broken pictures are cut short. What was decoded is remembered by its `file_state`, so that a
later start decodes only pictures that are new or changed.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from resiliency.data.download import cache_folder
from resiliency.data.folder_entries import folders_in, images_in
from resiliency.data.pictures import decoding_fault, file_state, printable

MOST_NAMED = 20
SHOWN_AFTER = 2  # seconds; what takes less needs no progress bar


def broken_pictures(folders: Iterable[Path]) -> list[str]:
    """A line for each picture in <class>/* of `folders` that cannot be decoded; after `MOST_NAMED`, their number.

    A progress bar on standard error shows how far it is.

    Raises:
        Fault: as from `folder_entries.images_in`.
    """
    faults = [fault for folder in folders for fault in _decoding_faults(str(folder)) if fault]
    more = len(faults) - MOST_NAMED
    return faults[:MOST_NAMED] + ([f"{more:,} more pictures cannot be used either"] if more > 0 else [])


def _decoding_faults(folder: str) -> list[str | None]:
    """What is wrong with each picture that is new or changed; None if nothing."""
    classes = [os.path.join(folder, name) for name in folders_in(folder)]
    states = {file: file_state(file) for path in classes for file in _files(path)}
    kept = cache_folder() / "pictures" / f"{hashlib.sha256(os.fsencode(os.path.abspath(folder))).hexdigest()}.json"
    decoded = _read(kept)
    new = [file for file, state in states.items() if decoded.get(os.path.relpath(file, folder)) != state]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(decoding_fault, new)
        every = 0.1 if sys.stderr.isatty() else 30  # seconds, for a file gets a line each time
        faults = list(tqdm(found, f"Decoding {printable(folder)}", len(new), delay=SHOWN_AFTER, mininterval=every))
    sound = [file for file, fault in zip(new, faults, strict=True) if not fault]
    if sound:
        _write(kept, decoded | {os.path.relpath(file, folder): states[file] for file in sound})
    return faults


def _files(folder: str) -> list[str]:
    return [os.path.join(folder, image) for image in images_in(folder)[0]]


def _read(kept: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        content = json.loads(kept.read_bytes())
        return content if isinstance(content, dict) else {}
    return {}


def _write(kept: Path, decoded: dict[str, str]) -> None:
    """Replace `kept`; if nothing can be written, all is decoded each time."""
    temporary = kept.with_name(f".{kept.stem}.{os.getpid()}")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(decoded), encoding="utf-8")
            temporary.replace(kept)
        finally:
            temporary.unlink(missing_ok=True)
