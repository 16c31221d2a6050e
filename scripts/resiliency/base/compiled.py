"""Loops that numba compiles, and keeps for other processes in a folder named by a checksum of the imported source.

By itself numba keeps what stale byte code was compiled to, and some versions compare size and time of a source alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from numba import config, njit

CONFIG: Any = config  # whose attributes mypy does not know


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: the function, compiled at its first call, with these options of numba.

    Other threads run while it does.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        loader = function.__globals__["__spec__"].loader
        folder = Path(CONFIG.CACHE_DIR or Path(loader.path).parent / "__pycache__")
        former, CONFIG.CACHE_DIR = CONFIG.CACHE_DIR, str(folder / f"{crc32(loader.get_data(loader.path)):08x}")
        try:
            return njit(cache=True, nogil=True, **options)(function)
        finally:
            CONFIG.CACHE_DIR = former

    return decorate
