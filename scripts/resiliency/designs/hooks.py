"""Hooks on the layers of a network for as long as a block runs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def hooked(layers: Iterable[nn.Module], hook: Callable[[nn.Module, tuple, object], object]) -> Iterator[None]:
    """Call `hook` with layer, inputs and output after each call of one of `layers`; what it returns, unless None,
    takes the place of the output.
    """
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
