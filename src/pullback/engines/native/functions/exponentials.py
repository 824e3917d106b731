"""exp, expm1, tanh and sinh: 2^n times a polynomial, without a branch.

x = n log(2) + r with |r| <= log(2) / 2, where log(2) is subtracted in two parts, the first so
short that n times it is exact (W. J. Cody and W. Waite, Software Manual for the Elementary
Functions, 1980). Then exp(x) = 2^n (1 + r + r^2 t(r)), where t interpolates (exp(r) - 1 - r) / r^2
at Chebyshev points. n is found by adding 1.5 * 2^23 (or 2^52), whose last digits then hold n in
binary. tanh is a quotient of polynomials where it needs no exponential: in float32 everywhere.
"""

from __future__ import annotations

from numpy import float32, float64, int32, int64

PER_LOG2_F4 = float32(1.4426950408889634)
LOG2_HIGH_F4, LOG2_LOW_F4 = float32(0.693115234375), float32(3.194618329871446e-05)
INTEGERS_F4 = float32(1.5 * 2**23)

PER_LOG2_F8 = float64(1.4426950408889634)
LOG2_HIGH_F8, LOG2_LOW_F8 = float64(0.6931471805601177), float64(-1.7239444525614835e-13)
INTEGERS_F8 = float64(1.5 * 2**52)

SIGN_F4, SIGN_F8 = int32(-(2**31)), int64(-(2**63))  # the sign bit alone


def exp_tail_f4(r: float32) -> float32:
    """(exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2."""
    t = float32(0.001392657717167998421)
    t = t * r + float32(0.00836335581959267152)
    t = t * r + float32(0.04166655172113435465)
    t = t * r + float32(0.1666657592496681515)
    return t * r + float32(0.5)


def exp_tail_f8(r: float64) -> float64:
    """(exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2."""
    t = 2.091521887713574882e-9
    t = t * r + 2.510553123846716599e-8
    t = t * r + 2.755727226621023076e-7
    t = t * r + 2.755725464296419425e-6
    t = t * r + 0.00002480158732676123951
    t = t * r + 0.0001984126987541938859
    t = t * r + 0.001388888888888332884
    t = t * r + 0.008333333333325963353
    t = t * r + 0.04166666666666667023
    t = t * r + 0.1666666666666667112
    return t * r + 0.5


def exp_scaled_f4(x: float32, shift: int32) -> float32:
    """exp(x) * 2^shift, where that is a normal number."""
    t = x * PER_LOG2_F4 + INTEGERS_F4
    n = t - INTEGERS_F4
    r = (x - n * LOG2_HIGH_F4) - n * LOG2_LOW_F4
    p = float32(1.0) + (r + (r * r) * exp_tail_f4(r))
    power = int32(int32(float32(t).view(int32) + int32(shift + int32(127))) << int32(23))
    return p * int32(power).view(float32)


def exp_scaled_f8(x: float64, shift: int64) -> float64:
    """exp(x) * 2^shift, where that is a normal number."""
    t = x * PER_LOG2_F8 + INTEGERS_F8
    n = t - INTEGERS_F8
    r = (x - n * LOG2_HIGH_F8) - n * LOG2_LOW_F8
    p = 1.0 + (r + (r * r) * exp_tail_f8(r))
    power = int64((float64(t).view(int64) + (shift + int64(1023))) << int64(52))
    return p * int64(power).view(float64)


def exp_f4(x: float32) -> float32:
    """exp(x) in float32, within 1.1 units in the last place; 0 and inf where it leaves the range.

    Where the result is not a normal number, 2^64 exp(x) is found first and scaled back.

    >>> float(exp_f4(float32(1.0)))
    2.7182817459106445
    """
    x = float32(-104.0) if x < float32(-104.0) else x
    x = float32(89.0) if x > float32(89.0) else x
    low = x < float32(-86.0)
    shift = int32(64) if low else int32(-1)
    back = float32(2.0**-64) if low else float32(2.0)
    return exp_scaled_f4(x, shift) * back


def exp_f8(x: float64) -> float64:
    """exp(x) in float64, within 1 unit in the last place; 0 and inf where it leaves the range.

    >>> round(float(exp_f8(float64(1.0))), 14)
    2.71828182845905
    """
    x = float64(-746.0) if x < -746.0 else x
    x = float64(710.0) if x > 710.0 else x
    low = x < -707.0
    shift = int64(64) if low else int64(-1)
    back = 2.0**-64 if low else 2.0
    return exp_scaled_f8(x, shift) * back


def expm1_f4(x: float32) -> float32:
    """exp(x) - 1 in float32, within 2 units in the last place also where x is near 0.

    With q = exp(r) - 1 it is 2^n q + (2^n - 1), of which half is found first: 2^128 is no number.

    >>> float(expm1_f4(float32(1e-8)))
    9.99999993922529e-09
    """
    c = float32(-20.0) if x < float32(-20.0) else x
    c = float32(89.0) if c > float32(89.0) else c
    t = c * PER_LOG2_F4 + INTEGERS_F4
    n = t - INTEGERS_F4
    r = (c - n * LOG2_HIGH_F4) - n * LOG2_LOW_F4
    q = r + (r * r) * exp_tail_f4(r)
    half = int32(int32(float32(t).view(int32) + int32(126)) << int32(23)).view(float32)
    y = (q * half + (half - float32(0.5))) * float32(2.0)
    return x if abs(x) < float32(2.0**-25) else y


def expm1_f8(x: float64) -> float64:
    """exp(x) - 1 in float64, within 2 units in the last place also where x is near 0.

    >>> round(float(expm1_f8(float64(1e-8))), 22)
    1.000000005e-08
    """
    c = float64(-50.0) if x < -50.0 else x
    c = float64(710.0) if c > 710.0 else c
    t = c * PER_LOG2_F8 + INTEGERS_F8
    n = t - INTEGERS_F8
    r = (c - n * LOG2_HIGH_F8) - n * LOG2_LOW_F8
    q = r + (r * r) * exp_tail_f8(r)
    half = int64((float64(t).view(int64) + int64(1022)) << int64(52)).view(float64)
    y = (q * half + (half - 0.5)) * 2.0
    return x if abs(x) < 2.0**-54 else y


def with_sign_f4(y: float32, x: float32) -> float32:
    """y >= 0 with the sign of x, that of a zero too."""
    sign = int32(float32(x).view(int32) & SIGN_F4)
    return int32(float32(y).view(int32) | sign).view(float32)


def with_sign_f8(y: float64, x: float64) -> float64:
    """y >= 0 with the sign of x, that of a zero too."""
    sign = int64(float64(x).view(int64) & SIGN_F8)
    return int64(float64(y).view(int64) | sign).view(float64)


def tanh_f4(x: float32) -> float32:
    """tanh(x) in float32, within 2.5 units in the last place; 1 from 9.5 on, and never above 1.

    With t = 2 tanh(x / 2) it is t / (1 + t^2 / 4), which hardly depends on t where it is near 1.
    t = x + x w(x^2), where w is a quotient of polynomials: minimax for the error of the result, by
    a sequence of linear programs (M. R. Osborne and G. A. Watson, Computer Journal 12, 1969), its
    coefficients then moved among float32 numbers until the largest error with rounding was least.

    >>> round(float(tanh_f4(float32(0.5))), 6)
    0.462117
    """
    c = float32(9.5) if x > float32(9.5) else x
    c = float32(-9.5) if c < float32(-9.5) else c
    u = c * c
    p = float32(-6.834585e-8)
    p = p * u + float32(-0.00097398)
    p = p * u + float32(-0.08333332)
    p = p * u + float32(0.0)  # from -0 to 0: else t would be 0 where x is -0
    q = float32(0.0010506972)
    q = q * u + float32(0.11168721)
    q = q * u + float32(1.0)
    t = c + c * (p / q)
    # The sum is at least |t|, also when rounded: t^2 >= 4 (|t| - 1), a float32 number for |t| >= 1.
    return t / (float32(1.0) + float32(0.25) * (t * t))


def tanh_f8(x: float64) -> float64:
    """tanh(x) in float64, within 1.5 units in the last place.

    x + x^3 P(x^2) / Q(x^2) for |x| < 0.625, else 1 - 2 / (exp(2 |x|) + 1) with the sign of x, as in
    S. L. Moshier's Cephes library; one division serves both.

    >>> round(float(tanh_f8(float64(0.5))), 14)
    0.46211715726001
    """
    a = abs(x)
    c = float64(20.0) if a > 20.0 else a
    small = a < 0.625
    u = c * c
    p = -0.0001991780435861286988
    p = p * u + -0.02049879970849887263
    p = p * u + -0.3333333333333333271
    q = 0.0002065337374875024971
    q = q * u + 0.0232913318762988589
    q = q * u + 0.4614963991254931441
    q = q * u + 1.0
    top = (c * u) * p if small else -1.0
    e = exp_scaled_f8(c + c, int64(-1)) + 0.5
    y = (c if small else 1.0) + top / (q if small else e)
    return with_sign_f8(y, x)


def sinh_f4(x: float32) -> float32:
    """sinh(x) in float32, within 2 units in the last place; inf beyond 89.4.

    x + x^3 P(x^2) for |x| < 1, else E - 1 / (4 E) with E = exp(|x|) / 2.

    >>> float(sinh_f4(float32(1.0)))
    1.175201177597046
    """
    a = abs(x)
    c = float32(90.0) if a > float32(90.0) else a
    u = c * c
    p = float32(2.806280258227694618e-6)
    p = p * u + float32(0.0001983810196868388931)
    p = p * u + float32(0.008333339675917060912)
    p = p * u + float32(0.1666666664684213432)
    near = c + (c * u) * p
    e = exp_scaled_f4(c, int32(-2)) * float32(2.0)
    far = e - float32(0.25) / e
    return with_sign_f4(near if a < float32(1.0) else far, x)


def sinh_f8(x: float64) -> float64:
    """sinh(x) in float64, within 2 units in the last place; inf beyond 710.4.

    >>> round(float(sinh_f8(float64(1.0))), 14)
    1.1752011936438
    """
    a = abs(x)
    c = float64(711.0) if a > 711.0 else a
    u = c * c
    p = 7.746178593018827489e-13
    p = p * u + 1.605767962380163775e-10
    p = p * u + 2.505211769590782357e-8
    p = p * u + 2.7557319191381817e-6
    p = p * u + 0.0001984126984132419792
    p = p * u + 0.008333333333333299355
    p = p * u + 0.166666666666666667
    near = c + (c * u) * p
    e = exp_scaled_f8(c, int64(-2)) * 2.0
    far = e - 0.25 / e
    return with_sign_f8(near if a < 1.0 else far, x)
