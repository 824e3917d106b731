"""Activations that NumPy lacks, right at 0, at +-10^4 and at the infinities.

They are primitives because their usual spellings fail somewhere: x * sigmoid(x) is -inf * 0 at
minus infinity, and `where` around exp or expm1 loses the slope at 0 or overflows. Each rule is
written in the vocabulary, so that second derivatives follow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..formula import notation as written
from ..primitive import Case, Primitive, Slopes, call, vjp_of
from . import helpers
from .elementwise import any_real, nonzero_real, positive_real, sample_cases
from .fused import sigmoid
from .shape_rules import floating_aval

_ERF = (helpers.quotient, helpers.erf_near_zero, helpers.erfc)

erf = Primitive(
    "erf",
    floating_aval("erf"),
    call("erf"),
    sample_cases(any_real),
    helpers=(*_ERF, helpers.erf),
    elementwise=True,
    notation=written.entry_function("erf"),
)
normal_cdf = Primitive(
    "normal_cdf",
    floating_aval("normal_cdf"),
    call("normal_cdf"),
    sample_cases(any_real),
    helpers=(*_ERF, helpers.normal_cdf),
    elementwise=True,
    notation=written.entry_function("Φ", "normal_cdf"),
)


@vjp_of(erf)
def erf_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * 2 / sqrt(pi) exp(-x^2). DLMF 7.2.1."""
    return (ct * (2 / math.sqrt(math.pi) * np.exp(-np.square(x))),)


@vjp_of(normal_cdf)
def normal_cdf_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * the density exp(-x^2 / 2) / sqrt(2 pi)."""
    return (ct * _normal_density(x),)


def _normal_density(x: Any) -> Any:
    return 1 / math.sqrt(2 * math.pi) * np.exp(-0.5 * np.square(x))


def _with_setting(random: np.random.Generator) -> list[Case]:
    """Inputs away from 0 with a setting that is a number, one per entry, one per column."""
    pairs = sample_cases(nonzero_real, positive_real)(random)
    arrays = [Case((np.asarray(x), np.asarray(setting))) for (x, setting), _ in pairs]
    return [*arrays, Case((nonzero_real(random, (3, 4)), 0.3))]


def _leaky_relu_slopes(x: Any, slope: Any) -> tuple[Slopes, Slopes]:
    below, above = np.where(x > 0, 1.0, slope), np.where(x >= 0, 1.0, slope)
    in_slope = np.minimum(x, 0.0) + 0.0 * slope
    return Slopes(below, above), Slopes(in_slope, in_slope)


leaky_relu = Primitive(
    "leaky_relu",
    floating_aval("leaky_relu"),
    call("leaky_relu"),
    _with_setting,
    helpers=(helpers.leaky_relu,),
    slopes=_leaky_relu_slopes,
    kink="leaky_relu: at 0 the slope of its left side",
    elementwise=True,
    notation=written.entry_function("leaky_relu"),
)


@vjp_of(leaky_relu)
def leaky_relu_vjp(ct: Any, out: Any, x: Any, slope: Any) -> tuple[Any, Any]:
    """ct, slope * ct where x is not positive; ct * min(x, 0) to the slope."""
    return np.where(x > 0, ct, slope * ct), ct * np.minimum(x, 0)


def _elu_slopes(x: Any, alpha: Any) -> tuple[Slopes, Slopes]:
    """At 0 alpha from below and 1 from above; elsewhere it is curved."""
    at_zero = np.equal(x, 0.0)
    none = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(alpha)))
    below, above = np.where(at_zero, alpha, none), np.where(at_zero, 1.0, none)
    return Slopes(below, above), Slopes(none, none)


elu = Primitive(
    "elu",
    floating_aval("elu"),
    call("elu"),
    _with_setting,
    helpers=(helpers.elu,),
    slopes=_elu_slopes,
    kink="elu: at 0 the slope of its left side, alpha",
    smooth_elsewhere=True,
    elementwise=True,
    notation=written.entry_function("elu"),
)


@vjp_of(elu)
def elu_vjp(ct: Any, out: Any, x: Any, alpha: Any) -> tuple[Any, Any]:
    """ct, ct * alpha exp(x) = ct * (out + alpha) where x is not positive; ct * expm1(x) there."""
    return ct * np.where(x > 0, 1.0, out + alpha), ct * np.expm1(np.minimum(x, 0))


silu = Primitive(
    "silu",
    floating_aval("silu"),
    call("silu"),
    sample_cases(any_real),
    helpers=(helpers.sigmoid, helpers.silu),
    elementwise=True,
    notation=written.entry_function("silu"),
)
gelu = Primitive(
    "gelu",
    floating_aval("gelu"),
    call("gelu"),
    sample_cases(any_real),
    helpers=(*_ERF, helpers.normal_cdf, helpers.gelu),
    elementwise=True,
    notation=written.entry_function("gelu"),
)
gelu_tanh = Primitive(
    "gelu_tanh",
    floating_aval("gelu_tanh"),
    call("gelu_tanh"),
    sample_cases(any_real),
    helpers=(helpers.sigmoid, helpers.gelu_tanh),
    elementwise=True,
    notation=written.entry_function("gelu_tanh"),
)


@vjp_of(silu)
def silu_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * s (1 + x (1 - s)) with s = sigmoid(x)."""
    gate = sigmoid(x)
    return (ct * (gate * (1 + x * (1 - gate))),)


@vjp_of(gelu)
def gelu_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * (P + x p), the probability P below x and the density p at x of a normal number."""
    return (ct * (normal_cdf(x) + x * _normal_density(x)),)


@vjp_of(gelu_tanh)
def gelu_tanh_vjp(ct: Any, out: Any, x: Any) -> tuple[Any]:
    """ct * s (1 + x (1 - s) u'), s = sigmoid(u), u = sqrt(8 / pi) (x + 0.044715 x^3)."""
    scale, squared = math.sqrt(8 / math.pi), np.square(x)
    gate = sigmoid(scale * x * (1 + 0.044715 * squared))
    return (ct * (gate * (1 + x * (1 - gate) * scale * (1 + 0.134145 * squared))),)
