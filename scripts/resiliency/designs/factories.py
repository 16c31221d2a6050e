"""Networks of factories: apart, because a module that imports by a computed name counts as a whole in fingerprints."""

import os
import sys
from importlib import import_module

from torch import nn
from torch.nn.parameter import is_lazy

from resiliency.base.faults import Fault
from resiliency.base.settings import Keys


def from_factory(factory: str, arguments: Keys) -> nn.Module:
    """The network that `factory`, "package.module:function", returns for keyword arguments `arguments`.

    Modules are searched in the working directory first.

    Raises:
        Fault: there is no such module or function, it fails, or what it returns is not a network.
    """
    module_name, _, name = factory.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:
        raise Fault(f"factory {factory}: cannot import {module_name}, from {os.getcwd()} either: {error!r}") from error
    if not callable(function := getattr(module, name, None)):
        raise Fault(f"factory {factory}: {module.__file__} has no function {name!r}")
    try:
        network = function(**arguments)
    except Fault:
        raise
    except SystemExit as error:
        raise Fault(f"factory {factory}: called exit ({error!r}) instead of returning a network") from error
    except Exception as error:
        raise Fault(f"factory {factory}: cannot be called with {arguments}: {error!r:.300}") from error
    if not isinstance(network, nn.Module):
        raise Fault(f"factory {factory}: expected a torch.nn.Module, got {type(network).__name__}")
    if not list(network.parameters()):
        raise Fault(f"factory {factory}: its network has no parameters to train or load")
    if any(map(is_lazy, [*network.parameters(), *network.buffers()])):
        raise Fault(
            f"factory {factory}: its network has lazy modules, whose weights have no shape yet; give their sizes"
        )
    return network
