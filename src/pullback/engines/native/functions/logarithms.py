"""log and log1p: an exponent of 2 and a number near 1, without a branch.

x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), both taken from the bits of x. float32: a
polynomial in f, log(1 + f) = f - f^2/2 + f^3 P(f). float64: the series of log(1 + f) =
log(1 + s) - log(1 - s) with s = f / (2 + f) (DLMF 4.6.4), summed so that the rounding of s does not
matter (the order of K. C. Ng's log in fdlibm). The polynomials interpolate at Chebyshev points.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64, int32, int64

from .exponentials import LOG2_HIGH_F4, LOG2_HIGH_F8, LOG2_LOW_F4, LOG2_LOW_F8

ROOT_HALF_F4 = int32(0x3F3504F3)
ROOT_HALF_F8 = int64(0x3FE6A09E667F3BCD)
COUNTS_F8 = int64(0x4330000000000000)  # 2^52: its last bits count units


def log_of_parts_f4(f: float32, k: float32) -> float32:
    """k log(2) + log(1 + f) for 1 + f between sqrt(1/2) and sqrt(2)."""
    p = float32(0.06971611471451177832)
    p = p * f + float32(-0.1147973384663763556)
    p = p * f + float32(0.1168541992348673931)
    p = p * f + float32(-0.1242568733145110611)
    p = p * f + float32(0.142490576456974804)
    p = p * f + float32(-0.1666780231950125407)
    p = p * f + float32(0.2000071574889210174)
    p = p * f + float32(-0.2499999695795088204)
    p = p * f + float32(0.3333333118003004805)
    u = f * f
    tail = (f * u) * p + k * LOG2_LOW_F4
    return k * LOG2_HIGH_F4 + (f + (tail - float32(0.5) * u))


def log_of_parts_f8(f: float64, k: float64) -> float64:
    """k log(2) + log(1 + f) for 1 + f between sqrt(1/2) and sqrt(2)."""
    s = f / (2.0 + f)
    z = s * s
    p = 0.1461780715341732496
    p = p * z + 0.1533161172205500789
    p = p * z + 0.181828924325368712
    p = p * z + 0.2222221108937949621
    p = p * z + 0.2857142862625383761
    p = p * z + 0.3999999999989889051
    p = p * z + 0.6666666666666669708
    half = 0.5 * f * f
    return k * LOG2_HIGH_F8 + (f - (half - (s * (half + z * p) + k * LOG2_LOW_F8)))


def log_f4(x: float32) -> float32:
    """log(x) in float32, within 1 unit in the last place; -inf at 0, nan below.

    >>> float(log_f4(float32(2.0)))
    0.6931471824645996
    """
    small = x < float32(2.0**-126)
    scaled = x * float32(2.0**23) if small else x
    bits = int32(float32(scaled).view(int32))
    exponent = int32(int32(bits - ROOT_HALF_F4) >> int32(23))
    f = int32(bits - int32(exponent << int32(23))).view(float32) - float32(1.0)
    k = float32(exponent) - (float32(23.0) if small else float32(0.0))
    y = log_of_parts_f4(f, k)
    y = y if x < float32(np.inf) else x
    y = y if x != float32(0.0) else float32(-np.inf)
    return float32(np.nan) if x < float32(0.0) else y


def log_f8(x: float64) -> float64:
    """log(x) in float64, within 1 unit in the last place; -inf at 0, nan below.

    >>> float(log_f8(float64(2.0)))
    0.6931471805599453
    """
    small = x < 2.0**-1022
    scaled = x * 2.0**54 if small else x
    bits = int64(float64(scaled).view(int64))
    raised = int64(int64(bits - ROOT_HALF_F8) + int64(1023 << 52))
    count = int64(np.uint64(raised) >> np.uint64(52))  # the exponent + 1023, at least 0
    f = int64(bits - int64(int64(count - int64(1023)) << int64(52))).view(float64) - 1.0
    k = int64(count | COUNTS_F8).view(float64) - (2.0**52 + 1023.0)
    k = k - (54.0 if small else 0.0)
    y = log_of_parts_f8(f, k)
    y = y if x < np.inf else x
    y = y if x != 0.0 else float64(-np.inf)
    return float64(np.nan) if x < 0.0 else y


def log1p_f4(x: float32) -> float32:
    """log(1 + x) in float32, within 1.5 units in the last place also where x is near 0.

    Away from 0 it is the log of u = 1 + x, and what the sum lost is added to f.

    >>> float(log1p_f4(float32(1e-8)))
    9.99999993922529e-09
    """
    u = float32(1.0) + x
    lost = float32(1.0) - (u - x) if x > float32(1.0) else x - (u - float32(1.0))
    bits = int32(float32(u).view(int32))
    exponent = int32(int32(bits - ROOT_HALF_F4) >> int32(23))
    shift = int32(exponent << int32(23))
    f = int32(bits - shift).view(float32) - float32(1.0)
    back = int32(int32((127 + 64) << 23) - shift).view(float32)  # 2^64 / 2^k is normal for all k
    f = f + (lost * float32(2.0**-64)) * back
    k = float32(exponent)
    near = (x > float32(-0.25)) & (x < float32(0.375))
    y = log_of_parts_f4(x if near else f, float32(0.0) if near else k)
    y = y if abs(x) > float32(2.0**-25) else x
    y = y if x < float32(np.inf) else x
    y = y if x != float32(-1.0) else float32(-np.inf)
    return float32(np.nan) if x < float32(-1.0) else y


def log1p_f8(x: float64) -> float64:
    """log(1 + x) in float64, within 1.5 units in the last place also where x is near 0.

    >>> round(float(log1p_f8(float64(1e-8))), 22)
    9.99999995e-09
    """
    u = 1.0 + x
    lost = 1.0 - (u - x) if x > 1.0 else x - (u - 1.0)
    bits = int64(float64(u).view(int64))
    raised = int64(int64(bits - ROOT_HALF_F8) + int64(1023 << 52))
    count = int64(np.uint64(raised) >> np.uint64(52))
    shift = int64(int64(count - int64(1023)) << int64(52))
    f = int64(bits - shift).view(float64) - 1.0
    back = int64(int64((1023 + 64) << 52) - shift).view(float64)  # 2^64 / 2^k
    f = f + (lost * 2.0**-64) * back
    k = int64(count | COUNTS_F8).view(float64) - (2.0**52 + 1023.0)
    near = (x > -0.25) & (x < 0.375)
    y = log_of_parts_f8(x if near else f, float64(0.0) if near else k)
    y = y if abs(x) > 2.0**-54 else x
    y = y if x < np.inf else x
    y = y if x != -1.0 else float64(-np.inf)
    return float64(np.nan) if x < -1.0 else y
