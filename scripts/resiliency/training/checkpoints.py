"""Where training stands, kept in a file from which the next run goes on."""

import hashlib
import json
import signal
import time
from pathlib import Path
from typing import Any

import torch

from resiliency.checksums import forget, verified
from resiliency.files import replacing

PAUSE = 60


class Checkpoint:
    """The one checkpoint of a training job, at `path`.

    Within a `with` block the signal SIGTERM, by which SLURM announces the end of a job's time, ends the process only
    after the next `save`, which is due at once.

    Args:
        settings: all that decides the weights; a checkpoint of other settings is not gone on from.
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]):
        self.path = Path(path)
        self.key = hashlib.sha256(json.dumps([settings, torch.__version__], sort_keys=True).encode()).hexdigest()
        self.saved = time.monotonic()
        self.ending = False

    def __enter__(self) -> "Checkpoint":
        self.previous = signal.signal(signal.SIGTERM, self._end)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self.previous)

    def _end(self, *_) -> None:
        self.ending = True

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """What was saved last under these settings; None if nothing was, or it cannot be read."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(verified(self.path), map_location=device, weights_only=True)
        except Exception as error:
            print(f"{self.path}: cannot be read ({type(error).__name__}); training starts anew")
            return None
        if not isinstance(state, dict) or state.get("key") != self.key:
            print(f"{self.path}: of other settings; training starts anew")
            return None
        return state

    def due(self) -> bool:
        """Whether so much time has passed since the last save that another is worth it, or the process is to end."""
        return self.ending or time.monotonic() - self.saved >= PAUSE

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state` in place of what was kept before.

        Raises:
            SystemExit: the process was asked to end.
        """
        with replacing(self.path) as temporary:
            torch.save(state | {"key": self.key}, temporary)
        self.saved = time.monotonic()
        if self.ending:
            raise SystemExit(f"asked to end; the next run goes on from {self.path}")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        forget(self.path)
