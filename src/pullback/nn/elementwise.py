"""Activations, entry by entry; they take arrays and traced values alike.

Value and derivative are finite and right at 0, -0.0 and +-10^4, the value at the infinities too;
NaN stays NaN, float32 stays float32. A bound of an error is absolute where nothing else is said,
and relative to the value where that is above 1; that of a slope, the derived gradient, is
absolute. The tests measure each of them.

Where PyTorch has the function, values and slopes are its own to within these bounds, but for what
a docstring calls a difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..primitives import activations, fused
from .settings import one_of, real

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
    """max(x, 0), entry by entry, without an error. Its slope at 0 is 0.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape and dtype.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.relu(np.array([-1.0, 2.0]))
        array([0., 2.])

    Source: Nair and Hinton, Rectified linear units improve restricted Boltzmann machines (2010).
    """
    return np.maximum(real("relu", x), 0)


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where x > 0, else slope * x. Its slope at 0 is that of the left side, as in PyTorch.

    The relative error is at most 3e-16 in float64 and 2e-7 in float32, that of the slope too.

    Args:
        x: An array of any shape.
        slope: A number, in (0, 1) as a rule, or an array that broadcasts against x.

    Returns:
        An array of x's shape; float32 stays float32.

    Raises:
        UsageError: When x or the slope does not hold real numbers.
        ShapeError: When their shapes do not broadcast.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.leaky_relu(np.array([-1.0, 2.0]), 0.1)
        array([-0.1,  2. ])

    Source: Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models
    (2013).
    """
    x = real("leaky_relu", x)
    return activations.leaky_relu(x, _setting("leaky_relu", "slope", slope, x))


def prelu(x: Any, slope: Any) -> Any:
    """`leaky_relu` with a learned slope: the gradient of the slope is sum(ct * min(x, 0)).

    A slope of shape (1,) is one for all, (units,) one per unit, as in PyTorch. The error is that
    of `leaky_relu`.

    Args:
        x: An array of shape (rows, units).
        slope: One slope, of shape (1,), or one per unit, of shape (units,).

    Returns:
        An array of x's shape; float32 stays float32.

    Raises:
        UsageError: When x or the slope does not hold real numbers.
        ShapeError: When their shapes do not broadcast.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.prelu(np.array([[-1.0, -1.0]]), np.array([0.25, 0.5]))
        array([[-0.25, -0.5 ]])

    Source: He et al., Delving deep into rectifiers (2015), equations 1 and 2.
    """
    x = real("prelu", x)
    return activations.leaky_relu(x, _setting("prelu", "slope", slope, x))


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1). Its slope at 0 is that of the left side, alpha.

    For alpha = 1 both sides agree there. The error of value and slope is at most 3e-16 in float64
    and 2e-7 in float32, times alpha where that is above 1.

    Args:
        x: An array of any shape.
        alpha: Minus the value at minus infinity, above 0; a number or an array that broadcasts.

    Returns:
        An array of x's shape; float32 stays float32.

    Raises:
        UsageError: When x or alpha does not hold real numbers.
        ShapeError: When their shapes do not broadcast.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.elu(np.array([-np.inf, -1.0, 2.0])).round(4)
        array([-1.    , -0.6321,  2.    ])

    Source: Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by
    exponential linear units (2016).
    """
    x = real("elu", x)
    return activations.elu(x, _setting("elu", "alpha", alpha, x))


def selu(x: Any) -> Any:
    """scale * elu(x, alpha) with scale = 1.0507... and alpha = 1.6733...

    With `lecun_normal` weights, layers keep mean 0 and variance 1. The error of value and slope is
    at most 6e-16 in float64 and 3e-7 in float32. The slope at 0 is scale * alpha.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.selu(np.array([-np.inf, 1.0])).round(4)
        array([-1.7581,  1.0507])

    Source: Klambauer et al., Self-normalizing neural networks (2017), equations 2 and 14.
    """
    return SELU_SCALE * activations.elu(real("selu", x), SELU_ALPHA)


def gelu(x: Any, approximate: str = "none") -> Any:
    """x P(x), P the probability that a standard normal number is at most x.

    Exactly, P(x) = (1 + erf(x / sqrt 2)) / 2; "tanh" takes sqrt(2 / pi) (x + 0.044715 x^3) for
    the argument and tanh for erf, differs by at most 5e-4 and costs less. Against its own
    definition each has an error of at most 6e-16 in float64 and 3e-7 in float32; so has the slope
    of the exact form, while that of the tanh form is off by at most 2e-14 and 4e-6.

    A difference to PyTorch: at minus infinity it gives NaN.

    Args:
        x: An array of any shape.
        approximate: "none" or "tanh".

    Returns:
        An array of x's shape; float32 stays float32; 0 at minus infinity.

    Raises:
        UsageError: When `approximate` is another word, or x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.gelu(np.array([-np.inf, -1.0, 1.0])).round(4)
        array([-0.    , -0.1587,  0.8413])

    Source: Hendrycks and Gimpel, Gaussian error linear units (2016).
    """
    one_of(["none", "tanh"], "gelu", "approximate", approximate)
    x = real("gelu", x)
    return activations.gelu(x) if approximate == "none" else activations.gelu_tanh(x)


def silu(x: Any) -> Any:
    """x * sigmoid(x), also called swish.

    The error is at most 6e-16 in float64 and 3e-7 in float32, that of the slope 8e-15 and 2e-6.

    A difference to PyTorch: at minus infinity it gives NaN.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32; 0 at minus infinity.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.silu(np.array([-np.inf, 0.0, 1.0])).round(4)
        array([-0.    ,  0.    ,  0.7311])

    Source: Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning (2018).
    """
    return activations.silu(real("silu", x))


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), entry by entry: a smooth relu, without overflow. Its slope is sigmoid(x).

    The error of value and slope is at most 3e-16 in float64 and 2e-7 in float32.

    Differences to PyTorch: above 20, its threshold, it gives x itself, which is off by 2e-9, and
    the slope 1; and it has a `beta`, with which softplus(beta x) / beta is meant.

    Args:
        x: An array of any shape.

    Returns:
        An array of x's shape; float32 stays float32.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.softplus(np.array([-1e4, 0.0])).round(4)
        array([0.    , 0.6931])

    Source: Dugas et al., Incorporating second-order functional knowledge for better option
    pricing (2001).
    """
    return np.logaddexp(real("softplus", x), 0)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), entry by entry, without overflow on either side.

    The error of value and slope is at most 3e-16 in float64 and 2e-7 in float32.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [0, 1] of x's shape; float32 stays float32.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.sigmoid(np.array([0.0, 1e4]))
        array([0.5, 1. ])

    Source: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.59.
    """
    return fused.sigmoid(real("sigmoid", x))


def tanh(x: Any) -> Any:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)), which is `np.tanh`.

    The error is at most 3e-16 in float64 and 2e-7 in float32, that of the slope twice as much.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [-1, 1] of x's shape; float32 stays float32.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.tanh(np.array([0.0, 1e4]))
        array([0., 1.])

    Source: LeCun et al., Efficient backprop (1998), section 4.4.
    """
    return np.tanh(real("tanh", x))


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, which NumPy lacks.

    Its relative error is at most 5e-16 in float64 (2.1 units of the last digit, seen over
    [-30, 30]) and 5e-7 in float32; that of the slope is as large, absolute.

    Args:
        x: An array of any shape.

    Returns:
        Numbers in [-1, 1] of x's shape; float32 stays float32.

    Raises:
        UsageError: When x does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.erf(np.array([-np.inf, 0.0, 0.5])).round(4)
        array([-1.    ,  0.    ,  0.5205])

    Source: W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of
    Computation 23 (1969).
    """
    return activations.erf(real("erf", x))


def _setting(owner: str, name: str, value: Any, x: Any) -> Any:
    """A number, which widens no dtype, or an array that broadcasts against x."""
    if isinstance(value, int | float) or hasattr(value, "__pullback_bind__"):
        return value
    array = real(owner, value, name)
    try:
        np.broadcast_shapes(np.shape(array), x.shape if isinstance(x, np.ndarray) else ())
    except ValueError:
        raise ShapeError(
            f"{owner}: {name} has the shape {array.shape}, which does not broadcast against the "
            f"shape {x.shape} of x."
        ) from None
    return array
