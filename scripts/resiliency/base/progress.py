"""Progress of a long loop. No result depends on this module, and so no fingerprint (`resiliency.study.fingerprint`)."""

import time


class Progress:
    """Prints the progress of a long loop, with an estimate of the time left.

    Args:
        steps: number of steps of the loop.
        pause: least time between two lines in seconds, for loops of many short steps; the last step is always printed.
    """

    def __init__(self, steps: int, pause: float = 0):
        self.steps = steps
        self.pause = pause
        self.done = 0
        self.start = self.last_report = time.monotonic()

    def step(self, message: str) -> None:
        """Count one step as done and print `message` behind the count."""
        self.done += 1
        now = time.monotonic()
        if self.done == self.steps or now - self.last_report >= self.pause:
            left = (now - self.start) / self.done * (self.steps - self.done)
            print(f"[{self.done:,}/{self.steps:,}, {left:.0f} s left] {message}")
            self.last_report = now
