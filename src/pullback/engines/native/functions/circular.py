"""sin and cos: what is left of an angle after whole quarter turns, without a branch.

x = m pi/2 + n pi/2 + r, with m a multiple of 2^24 and n a whole number below it. pi/2 is subtracted
in parts so short that m or n times each is exact, and so is m times one part plus n times another,
fused or not (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980); for
float32 in float64 arithmetic. m / 2^24 has 26 digits at most: beyond |x| = 2^50, where neighbours
in float64 are a quarter of a radian apart, the result is nan, which the engine notices, and not a
number without meaning. Then polynomials, which interpolate at Chebyshev points, for |r| <= pi/4;
they hold a little beyond, since near 2^50 n may miss the nearest quarter by 0.04 radians.
"""

from __future__ import annotations

import numpy as np
from numpy import float32, float64, int64

LARGEST_ANGLE = float64(2.0**50)
WHOLE = float64(1.5 * 2**52)  # added to a number, it leaves the nearest whole number
MANY = float64(1.5 * 2**76)  # likewise the nearest multiple of 2^24
PER_QUARTER = float64(0.6366197723675814)
# pi/2 in parts that end after 26, 53, 80 and 107 binary places, and what each leaves over
QUARTER_1, AFTER_1 = float64(1.570796325802803), float64(9.920935796805404e-10)
QUARTER_2, AFTER_2 = float64(9.92093629470503e-10), float64(-4.9789962505147994e-17)
QUARTER_3, AFTER_3 = float64(-4.97899623147991e-17), float64(-1.9034889620193266e-25)
QUARTER_4, AFTER_4 = float64(-1.9034889470454776e-25), float64(-1.4973849048591698e-33)


def quarters(x: float64) -> tuple[float64, float64, float64, int64]:
    """x - m QUARTER_1 - m QUARTER_2 - n QUARTER_1 without rounding, n, m, and n by its last digits.

    m is a multiple of four quarters, so that n alone tells where on the circle x is.
    """
    m = (x * PER_QUARTER + MANY) - MANY
    y = (x - m * QUARTER_1) - m * QUARTER_2
    t = y * PER_QUARTER + WHOLE
    n = t - WHOLE
    return y - n * QUARTER_1, n, m, float64(t).view(int64)


def wave_f4(x: float32, ahead: int64) -> float32:
    """sin(x + ahead pi/2) for |x| <= 2^50.

    Of all x from 2^-13 on, none is more than 1.492 units in the last place off; 1.509 where
    multiply-adds are not fused.
    """
    a, n, m, turns = quarters(float64(x))
    r = float32(a - (n * AFTER_1 + m * AFTER_2))
    turns = int64(turns + ahead)
    u = r * r
    s = float32(2.724686872287794454e-6)
    s = s * u + float32(-0.0001984006304080411685)
    s = s * u + float32(0.008333331830629428363)
    s = s * u + float32(-0.1666666666374136766)
    c = float32(-2.729840765279517472e-7)
    c = c * u + float32(0.00002480058060135464235)
    c = c * u + float32(-0.001388888763522797488)
    c = c * u + float32(0.04166666666422613352)
    sine = r + (r * u) * s
    cosine = float32(1.0) + u * (u * c - float32(0.5))
    value = sine if int64(turns & int64(1)) == int64(0) else cosine
    value = value if int64(turns & int64(2)) == int64(0) else -value
    return value if abs(x) <= float32(LARGEST_ANGLE) else float32(np.nan)


def wave_f8(x: float64, ahead: int64) -> float64:
    """sin(x + ahead pi/2) for |x| <= 2^50."""
    a, n, m, turns = quarters(x)
    # a less both b, and what the rounding of each difference lost
    # (D. E. Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B)
    b = n * QUARTER_2 + m * QUARTER_3
    d = a - b
    v = d - a
    lost = (a - (d - v)) - (b + v)
    b = n * QUARTER_3 + m * QUARTER_4
    h = d - b
    v = h - d
    lost = lost + ((d - (h - v)) - (b + v))
    low = lost - (n * AFTER_3 + m * AFTER_4)
    r = h + low
    e = low - (r - h)
    turns = int64(turns + ahead)
    u = r * r
    s = -7.586094789672620074e-13
    s = s * u + 1.605852134995498633e-10
    s = s * u + -2.505210616733570639e-8
    s = s * u + 2.755731921915078158e-6
    s = s * u + -0.0001984126984126482162
    s = s * u + 0.008333333333333331379
    s = s * u + -0.1666666666666666667
    c = -1.138175465366293676e-11
    c = c * u + 2.087613402409014623e-9
    c = c * u + -2.755731721268659012e-7
    c = c * u + 0.00002480158729865129157
    c = c * u + -0.001388888888888732124
    c = c * u + 0.04166666666666666531
    sine = r + ((r * u) * s + e)
    half = 0.5 * u
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + (u * (u * c) - r * e))
    value = sine if int64(turns & int64(1)) == int64(0) else cosine
    value = value if int64(turns & int64(2)) == int64(0) else -value
    return value if abs(x) <= LARGEST_ANGLE else float64(np.nan)


def sin_f4(x: float32) -> float32:
    """sin(x) in float32, within 1.5 units in the last place for |x| <= 2^50; beyond it is nan.

    >>> float(sin_f4(float32(1.0)))
    0.8414709568023682
    """
    y = wave_f4(x, int64(0))
    return x if abs(x) < float32(2.0**-12) else y


def cos_f4(x: float32) -> float32:
    """cos(x) in float32, within 1.5 units in the last place for |x| <= 2^50; beyond it is nan.

    >>> float(cos_f4(float32(1.0)))
    0.5403022766113281
    """
    return wave_f4(x, int64(1))


def sin_f8(x: float64) -> float64:
    """sin(x) in float64, within 1 unit in the last place for |x| <= 2^50; beyond it is nan.

    >>> float(sin_f8(float64(1.0)))
    0.8414709848078965
    """
    y = wave_f8(x, int64(0))
    return x if abs(x) < 2.0**-27 else y


def cos_f8(x: float64) -> float64:
    """cos(x) in float64, within 1 unit in the last place for |x| <= 2^50; beyond it is nan.

    >>> float(cos_f8(float64(1.0)))
    0.5403023058681398
    """
    return wave_f8(x, int64(1))
