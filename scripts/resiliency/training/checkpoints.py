"""The state of training, in a file from which the next run resumes."""

import hashlib
import io
import json
import signal
import time
from pathlib import Path
from typing import Any

import torch

from resiliency.devices.choice import device_name
from resiliency.storage.files import forget, replacing, verified

PAUSE = 60


class Checkpoint:
    """The one checkpoint of a training job, at `path`.

    Within a `with` block the signal SIGTERM, by which SLURM announces the end of a job's time, ends the process only
    after the next `save`, which is due at once.

    Args:
        settings: all that decides the weights; a checkpoint of other settings is not resumed from.

    Attributes:
        devices: names of the devices that the work was done on so far, in order; the last one is that of this process.
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]):
        self.path = Path(path)
        self.key = hashlib.sha256(json.dumps([settings, torch.__version__], sort_keys=True).encode()).hexdigest()
        self.devices = [device_name()]
        self.saved = time.monotonic()
        self.end_requested = False

    @property
    def device(self) -> str:
        """What the card of a member says of `devices`."""
        return ", then ".join(self.devices)

    def __enter__(self) -> "Checkpoint":
        self.previous = signal.signal(signal.SIGTERM, self._request_end)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self.previous)

    def _request_end(self, *_) -> None:
        self.end_requested = True

    def load(self) -> dict[str, Any] | None:
        """What was saved last under these settings, on the CPU; None if nothing was, or it cannot be read.

        If it was saved on another device, the log says so, and `devices` lists both.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(verified(self.path), map_location="cpu", weights_only=True)
        except Exception as error:
            print(f"{self.path}: cannot be read ({type(error).__name__}); training from scratch")
            return None
        if not isinstance(state, dict) or state.get("key") != self.key:
            print(f"{self.path}: checkpoint has different settings; training from scratch")
            return None
        self._add_devices(state["devices"])
        return state

    def _add_devices(self, devices: list[str]) -> None:
        """Note that what was begun on `devices` is resumed on this one."""
        (here,) = self.devices
        if devices[-1] == here:
            self.devices = devices
            return
        print(f"{self.path}: saved on {devices[-1]}, resuming on {here}; results will match neither device exactly")
        self.devices = [*devices, here]

    def due(self) -> bool:
        """Whether so much time has passed since the last save that another is worth it, or the process is to end."""
        return self.end_requested or time.monotonic() - self.saved >= PAUSE

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state` in place of what was kept before.

        Raises:
            Fault: the file system refuses, as a full disk does.
            SystemExit: the process was asked to end.
        """
        content = io.BytesIO()  # torch itself tells of a full disk in a way that looks like a fault of the program
        torch.save(state | {"key": self.key, "devices": self.devices}, content)
        with replacing(self.path) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.saved = time.monotonic()
        if self.end_requested:
            raise SystemExit(f"interrupted; run again to resume from {self.path}")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        forget(self.path)
