"""The random streams of many images, which draw together, each what NumPy's generator would.

A stream is a PCG64 (O'Neill 2014) that NumPy's SeedSequence seeds with the words of the stream's hash. Making its
objects takes longer than drawing what a small image needs, so that compiled loops seed and draw without them.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numba import njit

from resiliency.base.streams import stream

_LOW, _HALF, _ONE = np.uint64(2**32 - 1), np.uint64(32), np.uint64(1)
# The multiplier of PCG64, in two words.
_HIGH_FACTOR, _LOW_FACTOR = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
# Of SeedSequence: the first constants and their factors as it mixes words and as it yields them, and two for mixing.
_MIXING, _MIXING_FACTOR = np.uint64(0x43B0D7E5), np.uint64(0x931E8875)
_YIELDING, _YIELDING_FACTOR = np.uint64(0x8B51F9DD), np.uint64(0x58F38DED)
_OWN, _OTHER = np.uint64(0xCA01F9DD), np.uint64(0x4973F715)
_SHIFT, _ROTATION = np.uint64(16), np.uint64(58)


class Streams(Sequence[np.random.Generator]):
    """The streams (seed, *names, index) of `indices`: generators, and what all of them draw next as one array."""

    def __init__(self, seed: int, names: Sequence[str | int], indices: Sequence[int]):
        self.seed, self.names, self.indices = seed, names, indices
        self.drawn = 0  # words of each stream

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> np.random.Generator:
        return self._generators[position]

    @cached_property
    def _generators(self) -> list[np.random.Generator]:
        """A generator for each stream, where it stands; from then on they draw."""
        generators = [stream(self.seed, *self.names, index) for index in self.indices]
        if self.drawn:
            for generator in generators:
                generator.bit_generator.advance(self.drawn)
        return generators

    @cached_property
    def _states(self) -> np.ndarray:
        """uint64 Nx4: each stream's state and step, as `seeded` sets them."""
        states = np.empty((len(self), 4), np.uint64)
        seeded(entropies(self.seed, self.names, self.indices), states)
        return states

    def words(self, count: int) -> np.ndarray:
        """uint64 Nx`count`: the next words of each stream."""
        if "_generators" in self.__dict__:
            return np.stack([generator.bit_generator.random_raw(count) for generator in self])
        words = np.empty((len(self), count), np.uint64)
        draw(self._states, words)
        self.drawn += count
        return words

    def uniform(self, low: float, high: float, shape: tuple[int, ...] = ()) -> np.ndarray:
        """float64 Nx`shape` from `low` to `high`, as Generator.uniform draws them."""
        drawn = (self.words(int(np.prod(shape))) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * drawn).reshape(-1, *shape)


def entropies(seed: int, names: Sequence[str | int], indices: Sequence[int]) -> np.ndarray:
    """uint64 Nx8: of each index the words of 32 bits, least significant first, of `entropy(seed, *names, index)`."""
    common = hashlib.sha256(json.dumps([seed, *names, 0]).removesuffix("0]").encode())
    digests = bytearray()
    for index in indices:
        own = common.copy()
        own.update(b"%d]" % index)
        digests += own.digest()
    return np.frombuffer(digests, ">u4").reshape(-1, 8)[:, ::-1].astype(np.uint64)


@njit(cache=True, nogil=True)
def seeded(entropies: np.ndarray, states: np.ndarray) -> None:
    """Set `states` (uint64 Nx4) to the state and the step, high word first, of PCG64 seeded with each row of words.

    Args:
        entropies: uint64 Nx8, words of 32 bits, least significant first; the highest that are 0 do not seed.
    """
    pool, yielded = np.empty(4, np.uint64), np.empty(4, np.uint64)
    for n in range(len(entropies)):
        _mix(entropies[n], pool)
        constant = _YIELDING
        for i in range(4):
            low, constant = _hashed(pool[2 * i % 4], constant, _YIELDING_FACTOR)
            high, constant = _hashed(pool[2 * i % 4 + 1], constant, _YIELDING_FACTOR)
            yielded[i] = low | high << _HALF
        state = states[n]
        state[2] = yielded[2] << _ONE | yielded[3] >> np.uint64(63)
        state[3] = yielded[3] << _ONE | _ONE
        low = state[3] + yielded[1]
        state[0], state[1] = state[2] + yielded[0] + np.uint64(low < yielded[1]), low
        state[0], state[1] = _stepped(state[0], state[1], state[2], state[3])


@njit(cache=True, nogil=True)
def _mix(entropy: np.ndarray, pool: np.ndarray) -> None:
    """Set the four words of a SeedSequence's pool from those of its entropy."""
    length, constant = len(entropy), _MIXING
    while length > 4 and not entropy[length - 1]:
        length -= 1
    for i in range(4):
        pool[i], constant = _hashed(entropy[i], constant, _MIXING_FACTOR)
    for source in range(length):
        for target in range(4):
            if source != target:
                word = pool[source] if source < 4 else entropy[source]
                word, constant = _hashed(word, constant, _MIXING_FACTOR)
                mixed = (_OWN * pool[target] - _OTHER * word) & _LOW
                pool[target] = mixed ^ mixed >> _SHIFT


@njit(cache=True, nogil=True)
def _hashed(word: np.uint64, constant: np.uint64, factor: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The hash of a word of 32 bits, and the constant of the next one."""
    following = constant * factor & _LOW
    word = (word ^ constant) * following & _LOW
    return word ^ word >> _SHIFT, following


@njit(cache=True, nogil=True)
def draw(states: np.ndarray, words: np.ndarray) -> None:
    """Set `words` (uint64 NxW) to the next ones of each stream, whose `states` (see `seeded`) move on."""
    for n in range(len(words)):
        high, low, step_high, step_low = states[n]
        row = words[n]
        for i in range(len(row)):
            high, low = _stepped(high, low, step_high, step_low)
            word, turn = high ^ low, high >> _ROTATION
            row[i] = word >> turn | word << (np.uint64(64) - turn & np.uint64(63))
        states[n, 0], states[n, 1] = high, low


@njit(cache=True, nogil=True)
def _stepped(high: np.uint64, low: np.uint64, step_high: np.uint64, step_low: np.uint64) -> tuple[np.uint64, np.uint64]:
    """A state of 128 bits times PCG64's multiplier, plus the step."""
    product = low * _LOW_FACTOR
    new, moved = product + step_low, _high_product(low, _LOW_FACTOR) + high * _LOW_FACTOR + low * _HIGH_FACTOR
    return moved + step_high + np.uint64(new < product), new


@njit(cache=True, nogil=True)
def _high_product(one: np.uint64, other: np.uint64) -> np.uint64:
    """The high word of a product of two words."""
    near, far, other_near, other_far = one & _LOW, one >> _HALF, other & _LOW, other >> _HALF
    middle = far * other_near + (near * other_near >> _HALF)
    return far * other_far + (middle >> _HALF) + (near * other_far + (middle & _LOW) >> _HALF)
