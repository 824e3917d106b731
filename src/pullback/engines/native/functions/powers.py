"""power: 2^(y log2(x)), with log2(x) in two parts, without a branch.

log2(x) = k + log2(m) with m between sqrt(1/2) and sqrt(2); log(m) = log(1 + s) - log(1 - s) with
s = (m - 1) / (m + 1) (DLMF 4.6.4). Each number of the leading part is cut to so few digits that its
products are exact, and what is cut off goes to the second part: T. J. Dekker, A floating-point
technique for extending the available precision, Numerische Mathematik 18 (1971); the order of the
sums is that of the pow of fdlibm. y log2(x) is then right to 2^-64 of itself, so that its
power of 2 is right to the last place.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64, int64

from .exponentials import INTEGERS_F8, exp_f8, exp_tail_f8, with_sign_f8
from .logarithms import COUNTS_F8, ROOT_HALF_F8, log_f8

LOG2_F8 = float64(0.6931471805599453)
# 2 / (3 log(2)) in two parts
SCALE_HIGH, SCALE_LOW = float64(0.961796760559082), float64(-6.663310642634338e-08)
SCALE = float64(0.9617966939259756)
SHORT = int64(-(2**32))  # leaves 21 digits behind the leading one


def short(x: float64) -> float64:
    """x cut to its leading 21 binary digits, so that a product of two such is exact."""
    return int64(float64(x).view(int64) & SHORT).view(float64)


def power_at_edges(x: float64, y: float64, size: float64) -> float64:
    """x to the power y, given |x| to the power y: the sign, and what is defined at the edges."""
    whole = np.floor(y) == y
    half = y * 0.5
    odd = whole & (np.floor(half) != half)
    signed = with_sign_f8(size, x)
    value = signed if odd else size
    value = float64(np.nan) if (x < 0.0) & (x > -np.inf) & (not whole) else value
    value = x + y if (x != x) | (y != y) else value
    return float64(1.0) if (y == 0.0) | (x == 1.0) else value


def log2_parts(a: float64) -> tuple[float64, float64]:
    """log2(a) for a > 0 in two parts, of which the first has 21 digits."""
    small = a < 2.0**-1022
    scaled = a * 2.0**54 if small else a
    bits = int64(float64(scaled).view(int64))
    raised = int64(int64(bits - ROOT_HALF_F8) + int64(1023 << 52))
    count = int64(np.uint64(raised) >> np.uint64(52))  # the exponent + 1023, at least 0
    m = int64(bits - int64(int64(count - int64(1023)) << int64(52))).view(float64)
    k = int64(count | COUNTS_F8).view(float64) - (2.0**52 + 1023.0)
    k = k - (54.0 if small else 0.0)
    # s = (m - 1) / (m + 1), and what its rounding lost
    f, v = m - 1.0, 1.0 / (m + 1.0)
    s = f * v
    s_high = short(s)
    d_high = short(m + 1.0)
    d_low = m - (d_high - 1.0)
    s_low = v * ((f - s_high * d_high) - s_high * d_low)
    # log(m) = (2 / 3) s t with t = 3 + s^2 + r
    z = s * s
    p = float64(0.1937206827590263585)
    p = p * z + 0.1992880325631861236
    p = p * z + 0.2307836619496221639
    p = p * z + 0.2727271231638282213
    p = p * z + 0.3333333340699021229
    p = p * z + 0.4285714285700701608
    p = p * z + 0.6000000000000004086
    r = (z * z) * p + s_low * (s_high + s)
    square = s_high * s_high
    t_high = short(square + r + 3.0)
    t_low = r - ((t_high - 3.0) - square)
    # log2(a) = SCALE s t + k
    top = s_high * t_high
    rest = s_low * t_high + t_low * s
    g_high = short(top + rest)
    g_low = rest - (g_high - top)
    h = SCALE_HIGH * g_high
    h_low = SCALE_LOW * g_high + g_low * SCALE
    high = short((h + h_low) + k)
    return high, h_low - ((high - k) - h)


def power_of_two(high: float64, low: float64) -> float64:
    """2 to the power high + low, for |high| <= 2000 and |low| < 1/2; 0 and inf where it is."""
    t = (high + low) + INTEGERS_F8
    n = t - INTEGERS_F8
    r = ((high - n) + low) * LOG2_F8
    q = 1.0 + (r + (r * r) * exp_tail_f8(r))
    n = float64(-1086.0) if n < -1086.0 else n
    n = float64(1025.0) if n > 1025.0 else n
    tiny = n < -1020.0  # then 2^64 times the result is found first, and scaled back
    shift = 1023.0 + 64.0 if tiny else 1023.0 - 1.0
    back = 2.0**-64 if tiny else 2.0
    power = int64(float64((n + shift) + INTEGERS_F8).view(int64) << int64(52)).view(float64)
    return (q * power) * back


def power_f8(x: float64, y: float64) -> float64:
    """x to the power y in float64, within 1.5 units in the last place; edges as in `np.power`.

    >>> round(float(power_f8(float64(2.0), float64(0.5))), 12)
    1.414213562373
    """
    a = abs(x)
    log_high, log_low = log2_parts(a)
    y = float64(2.0**70) if y > 2.0**70 else y
    y = float64(-(2.0**70)) if y < -(2.0**70) else y
    high = short(y) * log_high
    low = (y - short(y)) * log_high + y * log_low
    low = float64(0.0) if abs(high) > 2000.0 else low
    high = float64(-2000.0) if high < -2000.0 else high
    high = float64(2000.0) if high > 2000.0 else high
    size = power_of_two(high, low)
    edge = float64(0.0) if (a == 0.0) == (y > 0.0) else float64(np.inf)
    size = edge if (a == 0.0) | (a == np.inf) else size
    return power_at_edges(x, y, size)


def power_f4(x: float32, y: float32) -> float32:
    """x to the power y in float32, within 1 unit in the last place; edges as in `np.power`.

    exp(y log(|x|)) in float64, whose digits are enough.

    >>> float(power_f4(float32(2.0), float32(0.5)))
    1.4142135381698608
    """
    v, w = float64(x), float64(y)
    size = exp_f8(w * log_f8(abs(v)))
    size = float64(1.0) if abs(v) == 1.0 else size
    return float32(power_at_edges(v, w, size))
