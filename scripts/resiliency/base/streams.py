"""Random streams derived by name from a seed, in most cases that of the study.

A stream depends on its name alone, never on the order of execution: sharding, batch size, cores and
resuming change nothing.
"""

import hashlib
import json

import numpy as np


def entropy(seed: int, *names: str | int) -> int:
    """The 256-bit integer for `seed` and a stream's `names`; stable across Python versions."""
    return int.from_bytes(hashlib.sha256(json.dumps([seed, *names]).encode()).digest())


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The stream called `names`, say ("train", "resnet50", 0), of the study seeded with `seed`."""
    number = entropy(seed, *names)
    # The words of the number seed alike, at half the time that SeedSequence takes with the number
    # itself.
    words = np.frombuffer(number.to_bytes(32, "little"), "<u4")[: -(-number.bit_length() // 32)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def derived_seed(seed: int, *names: str | int) -> int:
    """A seed in [0, 2**63) for generators that take one integer, such as torch's."""
    return entropy(seed, *names) % 2**63
