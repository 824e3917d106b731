"""Random bits from a counter: Threefry-2x32 with 20 rounds.

A counter-based generator has no state to carry along: the bits for one element are a function of
the seed, the step, the operation and the element's place alone. That is why shuffles and masks are
the same on every platform, in every engine and for any number of threads or machines.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC11. Only 32-bit additions, rotations and exclusive-ors are used.
"""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pullback.errors import UsageError
from pullback.numbers import is_whole_number
from pullback.primitives import helpers

Word: TypeAlias = int | np.uint32 | NDArray[np.uint32]

_WORD = 2**32


def threefry2x32(
    key: tuple[Word, Word], counter: tuple[Word, Word]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Encrypt a counter of two 32-bit words under a key of two 32-bit words.

    Args:
        key: two integers in [0, 2**32) or two uint32 arrays.
        counter: likewise; the four words broadcast against each other.

    Returns:
        Two uint32 arrays of the broadcast shape (shape `()` when all four words are numbers). For
        a fixed key the map is one to one: distinct counters never give the same pair of words.

    Raises:
        UsageError: a word is outside [0, 2**32) or is no 32-bit integer.

    Example:
        >>> [f"{int(word):08x}" for word in threefry2x32((0, 0), (0, 0))]
        ['6b200159', '99ba4efe']

    Source: Salmon et al., SC11; the answers for testing are Random123's `kat_vectors`.
    """
    words = [_word(word, "key") for word in key] + [_word(word, "counter") for word in counter]
    shape = np.broadcast_shapes(*(word.shape for word in words))
    # Arrays of at least one axis throughout: they wrap without a word, NumPy's scalars warn.
    x0, x1 = np.broadcast_arrays(*helpers.threefry(*map(np.atleast_1d, words)))  # type: ignore[no-untyped-call]
    return x0.reshape(shape), x1.reshape(shape)


def random_bits(
    seed: int, stream: tuple[int, int], count: int, start: int = 0
) -> NDArray[np.uint64]:
    """64 random bits for each of `count` places of a stream.

    The seed and the stream give a key, `threefry2x32(seed, stream)`; the place of an element is
    the counter under that key. So bits `[a:b]` of a stream are the same whether they are drawn
    with the rest or alone, which is what splitting a batch over machines needs.

    Args:
        seed: 0 <= seed < 2**64.
        stream: (step, operation), each in [0, 2**32). Distinct streams are independent.
        count: how many numbers, at least 0.
        start: the place of the first one; start + count <= 2**64.

    Returns:
        uint64 array of shape (count,), uniform over [0, 2**64). The first Threefry word is the
        upper half of a number.

    Raises:
        UsageError: an argument is outside its range.

    Example:
        >>> random_bits(seed=7, stream=(0, 0), count=2, start=1)[0] == random_bits(7, (0, 0), 2)[1]
        np.True_
    """
    _check_range("seed", seed, 2**64)
    _check_range("step", stream[0], _WORD)
    _check_range("operation", stream[1], _WORD)
    _check_range("count", count, 2**63)
    _check_range("start", start, 2**64 - count + 1)
    key = threefry2x32((seed % _WORD, seed // _WORD), stream)
    place = np.arange(count, dtype=np.uint64) + np.uint64(start)
    low, high = place.astype(np.uint32), (place >> np.uint64(32)).astype(np.uint32)
    word0, word1 = threefry2x32(key, (low, high))
    return (word0.astype(np.uint64) << np.uint64(32)) | word1


def random_bits_of_steps(seed: int, steps: range, operation: int, count: int) -> NDArray[np.uint64]:
    """`random_bits(seed, (step, operation), count)` for each step, in one go and so faster.

    Args:
        seed: 0 <= seed < 2**64.
        steps: Whole numbers in [0, 2**32).
        operation: In [0, 2**32).
        count: how many numbers of each step, at least 0.

    Returns:
        uint64 array of shape (len(steps), count).

    Raises:
        UsageError: an argument is outside its range.

    Example:
        >>> bits = random_bits_of_steps(seed=7, steps=range(2), operation=0, count=3)
        >>> bool((bits[1] == random_bits(7, (1, 0), 3)).all())
        True
    """
    _check_range("seed", seed, 2**64)
    for step in (steps[0], steps[-1]) if steps else ():
        _check_range("step", step, _WORD)
    _check_range("operation", operation, _WORD)
    _check_range("count", count, 2**63)
    each = np.array(steps, np.uint32)[:, None]
    key = threefry2x32((seed % _WORD, seed // _WORD), (each, operation))
    bits = np.empty((len(each), count), np.uint64)
    halves = bits.view(np.uint32).reshape(len(each), count, 2)
    width = max(_BLOCK // max(len(each), 1), 1)
    for start in range(0, count, width):
        place = np.arange(start, min(start + width, count), dtype=np.uint64)
        low, high = place.astype(np.uint32), (place >> np.uint64(32)).astype(np.uint32)
        word0, word1 = threefry2x32(key, (low, high))
        halves[:, start : start + width, _UPPER] = word0
        halves[:, start : start + width, 1 - _UPPER] = word1
    return bits


_UPPER = 1 if sys.byteorder == "little" else 0
"""Where the upper half of 64 bits lies in memory."""

_BLOCK = 2**14
"""Numbers that are drawn together: enough to pay for a hundred NumPy calls, few enough to stay in
a core's cache."""


def _word(value: Word, name: str) -> NDArray[np.uint32]:
    array: NDArray[Any] = np.asarray(value)
    if array.dtype == np.uint32:
        return array
    if array.ndim or array.dtype.kind not in "iu" or not 0 <= int(array) < _WORD:
        raise UsageError(
            f"A {name} word of threefry2x32 must be a uint32 array or an integer in [0, 2**32); "
            f"got {value!r}."
        )
    return array.astype(np.uint32)


def _check_range(name: str, value: int, end: int) -> None:
    if not is_whole_number(value):
        raise UsageError(f"{name} must be an integer, not {value!r}.")
    if not 0 <= value < end:
        raise UsageError(f"{name} must be in [0, {end}); got {value}.")
