"""What trials of code that is not ours have in common: a process of its own, and a watch over global randomness."""

import os
import random
import sys
from pathlib import Path
from subprocess import DEVNULL, TimeoutExpired, run

import numpy as np


def run_apart(module: str, *arguments: str | Path, longest: float) -> str:
    """Run a module of this library as a program, whose process may end or hang; how it ended, in words.

    Args:
        longest: seconds that it may take.
    """
    paths = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, *arguments]
    try:
        ended = run(command, env=os.environ | variables, stdout=DEVNULL, stderr=DEVNULL, timeout=longest, check=False)
    except TimeoutExpired:
        return f"took longer than {longest} s"
    return f"called exit with status {ended.returncode}"


def global_states() -> tuple:
    """The states of the generators that a process shares, of NumPy and of Python, to be compared."""
    state = np.random.get_state(legacy=False)
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"], random.getstate()
