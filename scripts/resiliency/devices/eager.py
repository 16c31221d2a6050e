"""torch without its compiler, which takes 0.9 s to import and which trainings and predictions do without."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import torch

COMPILER = "torch._dynamo"


class StandIn(ModuleType):
    """The module `name` for programs that compile nothing; asked for anything else, it loads the real one."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__ = [f"{path}/_dynamo" for path in torch.__path__]

    @staticmethod
    def disable(function: Callable, *_: object, **__: object) -> Callable:
        return function

    @staticmethod
    def graph_break() -> None:
        pass

    @staticmethod
    def is_compile_supported(device_type: str) -> bool:
        _remove()
        return import_module(f"{COMPILER}.utils").is_compile_supported(device_type)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        _remove()
        return getattr(import_module(self.__name__), name)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Have torch's optimizers and the import of torchvision do without `torch._dynamo`, unless it is loaded already.

    They ask it only to mark what shall not be compiled, and, much later, whether it can compile for a device.
    """
    if COMPILER in sys.modules:
        yield
        return
    sys.modules |= {name: StandIn(name) for name in (COMPILER, f"{COMPILER}.utils")}
    try:
        yield
    finally:
        _remove()


def _remove() -> None:
    for name in (COMPILER, f"{COMPILER}.utils"):
        if isinstance(sys.modules.get(name), StandIn):
            del sys.modules[name]


with without_compiler():
    import timm  # noqa: F401
