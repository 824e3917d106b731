"""Random numbers drawn into an array that is there already, bit for bit those of the helper.

The counters and the two words of the cipher lie in arrays that stay between two draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TURNS = (13, 15, 26, 6, 17, 29, 16, 24)
_MASK = 2**32 - 1


def uniform_into(out: Any) -> Callable[[int, int, int, int], None]:
    """What fills an array with numbers in [0, 1).

    Args:
        out: An array of float32 or float64 with at least one axis and no gaps.

    Returns:
        `draw(seed, step, first_row, operation)`, which fills it with the numbers that the helper
        `random_uniform` gives for these arguments and the array's shape and dtype.

    Source: Threefry-2x32-20; see `primitives/threefry.py`.
    """
    entries, flat = out.size, out.reshape(-1)
    row = entries // max(out.shape[0], 1)
    places, counter = np.arange(entries, dtype=np.uint64), np.empty(entries, np.uint64)
    high, low, spare = (np.empty(entries, np.uint32) for _ in range(3))

    def draw(seed: int, step: int, first_row: int, operation: int) -> None:
        key = _key(int(seed) & _MASK, int(seed) >> 32, int(step) & _MASK, operation & _MASK)
        np.add(places, np.uint64(int(first_row) * row), out=counter)
        np.copyto(high, counter, casting="unsafe")
        np.right_shift(counter, np.uint64(32), out=counter)
        np.copyto(low, counter, casting="unsafe")
        _encrypt(key, high, low, spare)
        if out.dtype == np.float32:
            np.right_shift(high, np.uint32(8), out=high)
            np.copyto(flat, high, casting="unsafe")
            np.multiply(flat, np.float32(2.0**-24), out=flat)
            return
        np.copyto(counter, high)
        np.left_shift(counter, np.uint64(21), out=counter)
        np.right_shift(low, np.uint32(11), out=low)
        np.bitwise_or(counter, low, out=counter)
        np.multiply(counter, 2.0**-53, out=flat)

    return draw


def _encrypt(key: tuple[int, int], x0: Any, x1: Any, spare: Any) -> None:
    """Twenty rounds on two words per entry, in place."""
    keys = _three_keys(*key)
    np.add(x0, keys[0], out=x0)
    np.add(x1, keys[1], out=x1)
    for number in range(20):
        turn = TURNS[number % 8]
        np.add(x0, x1, out=x0)
        np.left_shift(x1, np.uint32(turn), out=spare)
        np.right_shift(x1, np.uint32(32 - turn), out=x1)
        np.bitwise_or(x1, spare, out=x1)
        np.bitwise_xor(x1, x0, out=x1)
        if number % 4 == 3:
            injection = number // 4 + 1
            np.add(x0, keys[injection % 3], out=x0)
            np.add(x1, np.uint32((int(keys[(injection + 1) % 3]) + injection) & _MASK), out=x1)


def _key(k0: int, k1: int, x0: int, x1: int) -> tuple[int, int]:
    """The same rounds on Python's own numbers, for one pair of words."""
    keys = [int(word) for word in _three_keys(k0, k1 & _MASK)]
    x0, x1 = (x0 + keys[0]) & _MASK, (x1 + keys[1]) & _MASK
    for number in range(20):
        turn = TURNS[number % 8]
        x0 = (x0 + x1) & _MASK
        x1 = (((x1 << turn) | (x1 >> (32 - turn))) & _MASK) ^ x0
        if number % 4 == 3:
            injection = number // 4 + 1
            x0 = (x0 + keys[injection % 3]) & _MASK
            x1 = (x1 + keys[(injection + 1) % 3] + injection) & _MASK
    return x0, x1


def _three_keys(k0: int, k1: int) -> list[Any]:
    return [np.uint32(word) for word in (k0, k1, k0 ^ k1 ^ 0x1BD11BDA)]
