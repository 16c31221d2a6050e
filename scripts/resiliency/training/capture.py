"""A training step on a GPU as one CUDA graph: one launch in place of one for each of its kernels."""

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[..., Tensor]

# Steps that are run as usual before one is captured: libraries and the optimizer make what they need in them.
WARM_UP = 3


class CapturedStep:
    """A step that is run as usual a few times, then captured as a CUDA graph, and replayed from then on.

    The graph holds the kernels of the usual step in their order, and replays draw from torch's generator where it
    stands. Where the step cannot be captured the log says so in one line, and it is run as usual.

    Args:
        eager: (tensors of the batch) -> loss.
        capturable: the same without what a graph cannot hold: decisions that go with values or with memory. It must do
            the same in every step.
        device: a graph needs a GPU; elsewhere the step is run as usual without a word.
    """

    def __init__(self, eager: Step, capturable: Step, device: torch.device):
        self.eager, self.capturable = eager, capturable
        self.warm_up_left = WARM_UP if device.type == "cuda" else None  # steps until the capture; None: never
        self.replay: Callable[[], None] | None = None

    def __call__(self, *batch: Tensor) -> Tensor:
        """The loss of a step; valid until the next."""
        if self.replay is None and self.warm_up_left == 0:
            self._capture(batch)
        if self.replay is None:
            if self.warm_up_left:
                self.warm_up_left -= 1
            return self.eager(*batch)
        with torch.no_grad():
            torch._foreach_copy_(self.batch, list(batch))
        self.replay()
        return self.loss

    def _capture(self, batch: tuple[Tensor, ...]) -> None:
        self.warm_up_left = None
        self.batch = [tensor.clone() for tensor in batch]
        try:
            self.replay, self.loss = record(self.capturable, self.batch)
        except RuntimeError as error:
            print(f"CUDA graph capture failed, running without it: {str(error).splitlines()[0]}")
        else:
            print("running training steps as a CUDA graph")


def record(step: Step, batch: list[Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Capture `step`, which runs nothing: what replays it on whatever `batch` holds by then, and the loss it fills."""
    graph = torch.cuda.CUDAGraph()
    torch.cuda.empty_cache()  # a graph has memory of its own
    # Other threads, as those that pin images, may call CUDA meanwhile; a capture that fails leaves its own stream.
    with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, capture_error_mode="thread_local"):
        loss = step(*batch)
    return graph.replay, loss
