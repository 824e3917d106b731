"""Random numbers that depend on seed, step, operation and an entry's place alone.

The Threefry-2x32-20 cipher of J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw (Parallel
random numbers: as easy as 1, 2, 3, SC 2011); bit for bit the numbers of
`pullback.primitives.helpers.random_uniform`, one at a time.
"""

from __future__ import annotations

from numpy import float32, float64, uint32, uint64

WORD = uint64(0xFFFFFFFF)
COUNTS = uint64(0x4330000000000000)  # 2^52


def sum_u4(a: uint32, b: uint32) -> uint32:
    """a + b modulo 2^32."""
    return uint32((uint64(a) + uint64(b)) & WORD)


def turned(x: uint32, left: int) -> uint32:
    """The bits of x turned to the left."""
    return uint32(uint32(x << uint32(left)) | uint32(x >> uint32(32 - left)))


def rounds(x0: uint32, x1: uint32, a: int, b: int, c: int, d: int) -> tuple[uint32, uint32]:
    """Four rounds of the cipher, which turn by a, b, c and d bits."""
    x0 = sum_u4(x0, x1)
    x1 = uint32(turned(x1, a) ^ x0)
    x0 = sum_u4(x0, x1)
    x1 = uint32(turned(x1, b) ^ x0)
    x0 = sum_u4(x0, x1)
    x1 = uint32(turned(x1, c) ^ x0)
    x0 = sum_u4(x0, x1)
    x1 = uint32(turned(x1, d) ^ x0)
    return x0, x1


def threefry(k0: uint32, k1: uint32, c0: uint32, c1: uint32) -> tuple[uint32, uint32]:
    """The Threefry-2x32-20 cipher: a counter of two uint32 words under a key of two."""
    k2 = uint32(uint32(k0 ^ k1) ^ uint32(0x1BD11BDA))
    x0, x1 = sum_u4(c0, k0), sum_u4(c1, k1)
    x0, x1 = rounds(x0, x1, 13, 15, 26, 6)
    x0, x1 = sum_u4(x0, k1), sum_u4(x1, sum_u4(k2, uint32(1)))
    x0, x1 = rounds(x0, x1, 17, 29, 16, 24)
    x0, x1 = sum_u4(x0, k2), sum_u4(x1, sum_u4(k0, uint32(2)))
    x0, x1 = rounds(x0, x1, 13, 15, 26, 6)
    x0, x1 = sum_u4(x0, k0), sum_u4(x1, sum_u4(k1, uint32(3)))
    x0, x1 = rounds(x0, x1, 17, 29, 16, 24)
    x0, x1 = sum_u4(x0, k1), sum_u4(x1, sum_u4(k2, uint32(4)))
    x0, x1 = rounds(x0, x1, 13, 15, 26, 6)
    return sum_u4(x0, k2), sum_u4(x1, sum_u4(k0, uint32(5)))


def random_key(seed: int, step: int, operation: int) -> tuple[uint32, uint32]:
    """The key of one operation in one step: two uint32 words.

    The seed is an integer from 0 to 2^63 - 1; of step and operation the last 32 bits count.

    >>> [int(word) for word in random_key(7, 0, 1)]
    [984047233, 2109584972]
    """
    s, t, o = uint64(seed), uint64(step), uint64(operation)
    return threefry(uint32(s & WORD), uint32(s >> uint64(32)), uint32(t & WORD), uint32(o & WORD))


def float64_of(x: uint32) -> float64:
    """x as a float64: the last bits of 2^52 count units, which a vector of bits can use."""
    return uint64(uint64(x) | COUNTS).view(float64) - 2.0**52


def uniform_f4(k0: uint32, k1: uint32, place: int) -> float32:
    """The number of [0, 1) at a place, in float32: a multiple of 2^-24.

    >>> float(uniform_f4(uint32(1), uint32(2), 0))
    0.1464671492576599
    """
    p = uint64(place)
    high, _ = threefry(k0, k1, uint32(p & WORD), uint32(p >> uint64(32)))
    return float32(uint32(high >> uint32(8))) * float32(2.0**-24)


def uniform_f8(k0: uint32, k1: uint32, place: int) -> float64:
    """The number of [0, 1) at a place, in float64: a multiple of 2^-53.

    >>> float(uniform_f8(uint32(1), uint32(2), 0))
    0.14646716125906867
    """
    p = uint64(place)
    high, low = threefry(k0, k1, uint32(p & WORD), uint32(p >> uint64(32)))
    last = uint32(low >> uint32(11))
    return float64_of(high) * 2.0**-32 + float64_of(last) * 2.0**-53
