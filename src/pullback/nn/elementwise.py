"""Activations, entry by entry; they take arrays and traced values alike.

Value and derivative are finite and right at 0, -0.0 and +-10^4, the value at the infinities too;
NaN stays NaN, float32 stays float32. A bound of an error is absolute where nothing else is said,
and relative to the value where that is above 1; the tests measure each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import activations, fused
from .settings import one_of

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""The numbers for which mean 0 and variance 1 are a fixed point of SELU."""


def identity(x: Any) -> Any:
    """x itself: what a layer without an activation computes.

    Args:
        x: An array of any shape.

    Returns:
        x.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.identity(np.array([-1.0, 2.0]))
        array([-1.,  2.])
    """
    return x


def relu(x: Any) -> Any:
    """max(x, 0), entry by entry. Its slope at 0 is 0.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape and dtype.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.relu(np.array([-1.0, 2.0]))
        array([0., 2.])

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """
    return np.maximum(x, 0)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where x > 0, else slope * x. Its slope at 0 is that of the left side, as in PyTorch.

    Args:
        x: An array of any shape.
        slope: A number, in (0, 1) as a rule, or an array that broadcasts against x.

    Returns:
        An array of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.leaky_relu(np.array([-1.0, 2.0]), 0.1)
        array([-0.1,  2. ])

    Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models
    (2013).
    """
    return activations.leaky_relu(x, slope)


def prelu(x: Any, slope: Any) -> Any:
    """`leaky_relu` with a learned slope: the gradient of the slope is sum(ct * min(x, 0)).

    Args:
        x: An array of shape (rows, units).
        slope: One slope, of shape (1,), or one per unit, of shape (units,).

    Returns:
        An array of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.prelu(np.array([[-1.0, -1.0]]), np.array([0.25, 0.5]))
        array([[-0.25, -0.5 ]])

    Source: He et al., Delving deep into rectifiers (2015), equations 1 and 2.
    """
    return activations.leaky_relu(x, slope)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1). Its slope at 0 is that of the left side, alpha.

    For alpha = 1 both sides agree there. The error is at most 3e-16 in float64 and 2e-7 in
    float32, times alpha where that is above 1.

    Args:
        x: An array of any shape.
        alpha: Minus the value at minus infinity, above 0; a number or an array that broadcasts.

    Returns:
        An array of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.elu(np.array([-np.inf, -1.0, 2.0])).round(4)
        array([-1.    , -0.6321,  2.    ])

    Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by
    exponential linear units (2016).
    """
    return activations.elu(x, alpha)


def selu(x: Any) -> Any:
    """scale * elu(x, alpha) with scale = 1.0507... and alpha = 1.6733...

    With `lecun_normal` weights, layers keep mean 0 and variance 1. The error is at most 6e-16 in
    float64 and 3e-7 in float32. The slope at 0 is scale * alpha.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.selu(np.array([-np.inf, 1.0])).round(4)
        array([-1.7581,  1.0507])

    Source: Klambauer et al., Self-normalizing neural networks (2017), equations 2 and 14.
    """
    return SELU_SCALE * activations.elu(x, SELU_ALPHA)


def gelu(x: Any, approximate: str = "none") -> Any:
    """x P(x), P the probability that a standard normal number is at most x.

    Exactly, P(x) = (1 + erf(x / sqrt 2)) / 2; "tanh" takes sqrt(2 / pi) (x + 0.044715 x^3) for
    the argument and tanh for erf, differs by at most 5e-4 and costs less. Against its own
    definition each has an error of at most 6e-16 in float64 and 3e-7 in float32.

    Args:
        x: An array of any shape.
        approximate: "none" or "tanh".

    Returns:
        An array of x's shape; float32 stays float32; 0 at minus infinity.

    Raises:
        UsageError: When `approximate` is another word.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.gelu(np.array([-np.inf, -1.0, 1.0])).round(4)
        array([-0.    , -0.1587,  0.8413])

    Source: Hendrycks and Gimpel, Gaussian error linear units (2016).
    """
    one_of(["none", "tanh"], "gelu", "approximate", approximate)
    return activations.gelu(x) if approximate == "none" else activations.gelu_tanh(x)


def silu(x: Any) -> Any:
    """x * sigmoid(x), also called swish.

    The error is at most 6e-16 in float64 and 3e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32; 0 at minus infinity.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.silu(np.array([-np.inf, 0.0, 1.0])).round(4)
        array([-0.    ,  0.    ,  0.7311])

    Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning (2018).
    """
    return activations.silu(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), entry by entry: a smooth relu, without overflow. Its slope is sigmoid(x).

    The error is at most 3e-16 in float64 and 2e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.softplus(np.array([-1e4, 0.0])).round(4)
        array([0.    , 0.6931])

    Source: Dugas et al., Incorporating second-order functional knowledge for better option
    pricing (2001).
    """
    return np.logaddexp(x, 0)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), entry by entry, without overflow on either side.

    The error is at most 3e-16 in float64 and 2e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [0, 1] of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.sigmoid(np.array([0.0, 1e4]))
        array([0.5, 1. ])
    """
    return fused.sigmoid(x)


def tanh(x: Any) -> Any:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)), which is `np.tanh`.

    The error is at most 3e-16 in float64 and 2e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [-1, 1] of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.tanh(np.array([0.0, 1e4]))
        array([0., 1.])
    """
    return np.tanh(x)


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, which NumPy lacks.

    Its relative error is at most 5e-16 in float64 (2.1 units of the last digit, seen over
    [-30, 30]) and 5e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [-1, 1] of x's shape; float32 stays float32.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.erf(np.array([-np.inf, 0.0, 0.5])).round(4)
        array([-1.    ,  0.    ,  0.5205])

    Source: W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of
    Computation 23 (1969).
    """
    return activations.erf(x)
