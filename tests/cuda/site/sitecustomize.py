"""Puts all that a study computes with networks on the pretended CUDA device, from the command line.

    PYTHONPATH=$PWD/tests/cuda/site snakemake --cores 2 --configfile studies/tiny.yaml --directory /tmp/pretended

Python imports this file, whose name it gives, at its start where the folder is on its path. A process that chooses its
device, by `resiliency.devices.choice`, then finds the pretended one, and stays on it; others import nothing more.
"""

import sys
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

CHOOSER = "resiliency.devices.choice"


class _Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != CHOOSER:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def executed(module):
            execute(module)
            module.device = _pretending(module.device)

        spec.loader.exec_module = executed
        return spec


def _pretending(device):
    """`device`, which turns the pretended device on when it is first asked."""

    @wraps(device)
    def chosen():
        if not _devices:
            sys.path.append(str(Path(__file__).parents[1]))
            from pretended import PretendedCuda

            _devices.append(PretendedCuda())
            _devices[0].__enter__()
        return device()

    return chosen


_devices = []
sys.meta_path.insert(0, _Finder())
