"""Initial weights whose variance keeps signals from vanishing or exploding from layer to layer.

An initializer is a function `(random, inputs, outputs) -> weights` of shape (inputs, outputs).
With n inputs of variance v and independent weights of variance s, a unit's sum has the variance
n s v; what the activation then loses decides which s keeps the next layer's inputs at v.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import UsageError, nearest
from .settings import number_in, one_of

Initializer = Callable[[np.random.Generator, int, int], Any]
Weights = str | Initializer
"""A name in `INITIALIZERS`, or a function (random, inputs, outputs) -> weights."""


def zeros(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Nothing but 0: all units of a layer stay alike for ever, which the symmetry forces.

    Right for biases and for a network without hidden layers; elsewhere it shows why initial
    weights must differ.

    Args:
        random: The source of random numbers; not used.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer.

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.zeros(np.random.default_rng(0), 2, 3).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return np.zeros((inputs, outputs))


def normal(scale: float = 0.01) -> Initializer:
    """Normal numbers with mean 0 and one standard deviation, whatever the layer's size.

    Args:
        scale: The standard deviation, above 0.

    Returns:
        An initializer.

    Raises:
        UsageError: When the scale is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> weights = pb.nn.normal(0.5)
        >>> weights(np.random.default_rng(0), 200, 100).std().round(2)
        np.float64(0.5)

    Source: the default 0.01 is that of Krizhevsky, Sutskever and Hinton, ImageNet
    classification with deep convolutional neural networks (2012), section 5.
    """
    number_in("()", 0, np.inf, "normal", "scale", scale)

    def initializer(random: np.random.Generator, inputs: int, outputs: int) -> Any:
        return random.normal(scale=scale, size=(inputs, outputs))

    initializer.__name__ = f"normal({scale:g})"
    return initializer


def uniform(bound: float = 0.05) -> Initializer:
    """Uniform numbers in [-bound, bound), of variance bound^2 / 3, whatever the layer's size.

    Args:
        bound: The largest absolute value, above 0.

    Returns:
        An initializer.

    Raises:
        UsageError: When the bound is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> weights = pb.nn.uniform(0.5)
        >>> bool(abs(weights(np.random.default_rng(0), 200, 100)).max() <= 0.5)
        True
    """
    number_in("()", 0, np.inf, "uniform", "bound", bound)

    def initializer(random: np.random.Generator, inputs: int, outputs: int) -> Any:
        return random.uniform(-bound, bound, size=(inputs, outputs))

    initializer.__name__ = f"uniform({bound:g})"
    return initializer


def glorot_normal(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Normal numbers with variance 2 / (inputs + outputs).

    A compromise between 1 / inputs, which keeps signals, and 1 / outputs, which keeps error
    signals on their way back; for activations of slope 1 at 0 (tanh, none at all).

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer (fan-out).

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.glorot_normal(np.random.default_rng(0), 100, 100).std().round(2)
        np.float64(0.1)

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010), equation 12.
    """
    return random.normal(scale=np.sqrt(2 / (inputs + outputs)), size=(inputs, outputs))


def glorot_uniform(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Uniform numbers in +-sqrt(6 / (inputs + outputs)): variance 2 / (inputs + outputs).

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer (fan-out).

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> bool(abs(pb.nn.glorot_uniform(np.random.default_rng(0), 3, 3)).max() < 1)
        True

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks (2010), equation 16.
    """
    bound = np.sqrt(6 / (inputs + outputs))
    return random.uniform(-bound, bound, size=(inputs, outputs))


def he_normal(
    random: np.random.Generator,
    inputs: int,
    outputs: int,
    slope: float = 0.0,
    fan: str = "inputs",
) -> Any:
    """Normal numbers with variance 2 / ((1 + slope^2) n): the right scale before a relu.

    A relu lets half of the variance through, a leaky one (1 + slope^2) / 2 of it. With n = inputs
    signals keep their size on their way forward, with n = outputs error signals on theirs back.

    It is PyTorch's kaiming_normal_(a=slope, mode="fan_in" or "fan_out").

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer (fan-out).
        slope: The activation's slope below 0; finite.
        fan: "inputs" or "outputs", which of them n is.

    Returns:
        float64 weights of shape (inputs, outputs).

    Raises:
        UsageError: When the slope or the fan is not allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.he_normal(np.random.default_rng(0), 200, 100).std().round(2)
        np.float64(0.1)
        >>> pb.nn.he_normal(np.random.default_rng(0), 100, 200, fan="outputs").std().round(2)
        np.float64(0.1)

    Source: He et al., Delving deep into rectifiers (2015), equations 10, 14 and 15.
    """
    scale = _he_scale("he_normal", {"inputs": inputs, "outputs": outputs}, slope, fan)
    return random.normal(scale=scale, size=(inputs, outputs))


def he_uniform(
    random: np.random.Generator,
    inputs: int,
    outputs: int,
    slope: float = 0.0,
    fan: str = "inputs",
) -> Any:
    """Uniform numbers with variance 2 / ((1 + slope^2) n), He's in the other form.

    They lie in +-sqrt(6 / ((1 + slope^2) n)). It is PyTorch's kaiming_uniform_(a=slope,
    mode="fan_in" or "fan_out"); its Linear starts with a = sqrt(5), a sixth of a relu's variance.

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer (fan-out).
        slope: The activation's slope below 0; finite.
        fan: "inputs" or "outputs", which of them n is.

    Returns:
        float64 weights of shape (inputs, outputs).

    Raises:
        UsageError: When the slope or the fan is not allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.he_uniform(np.random.default_rng(0), 200, 100).std().round(2)
        np.float64(0.1)

    Source: He et al., Delving deep into rectifiers (2015), equations 10, 14 and 15.
    """
    scale = _he_scale("he_uniform", {"inputs": inputs, "outputs": outputs}, slope, fan)
    bound = np.sqrt(3) * scale
    return random.uniform(-bound, bound, size=(inputs, outputs))


def _he_scale(owner: str, fans: dict[str, int], slope: float, fan: str) -> Any:
    number_in("()", -np.inf, np.inf, owner, "slope", slope)
    one_of(list(fans), owner, "fan", fan)
    return np.sqrt(2 / fans[fan]) / np.hypot(1, slope)  # which does not overflow as 1 + slope^2


def lecun_normal(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Normal numbers with variance 1 / inputs, for which SELU keeps mean 0 and variance 1.

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer.

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.lecun_normal(np.random.default_rng(0), 100, 200).std().round(2)
        np.float64(0.1)

    Source: LeCun et al., Efficient backprop (1998), section 4.6; Klambauer et al.,
    Self-normalizing neural networks (2017).
    """
    return random.normal(scale=np.sqrt(1 / inputs), size=(inputs, outputs))


def orthogonal(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Orthonormal columns (rows, where there are more outputs than inputs), drawn uniformly.

    A square one keeps the length of every signal and of every error signal exactly.

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer.

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> W = pb.nn.orthogonal(np.random.default_rng(0), 3, 2)
        >>> np.allclose(W.T @ W, np.eye(2))
        True

    Source: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks (2014); signs as in Mezzadri, How to generate random matrices
    from the classical compact groups (2007).
    """
    tall = random.normal(size=(max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(tall)
    q = q * np.copysign(1.0, np.diagonal(r))  # else the signs would not be uniform
    return q if inputs >= outputs else np.ascontiguousarray(q.T)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "normal": normal(),
    "uniform": uniform(),
    "glorot": glorot_uniform,
    "glorot-uniform": glorot_uniform,
    "glorot-normal": glorot_normal,
    "he": he_normal,
    "he-normal": he_normal,
    "he-uniform": he_uniform,
    "he-normal-outputs": partial(he_normal, fan="outputs"),
    "he-uniform-outputs": partial(he_uniform, fan="outputs"),
    "lecun-normal": lecun_normal,
    "orthogonal": orthogonal,
}
"""Initializers by the name that `Dense(weights=...)` takes."""


def initializer_of(owner: str, weights: Weights) -> Initializer:
    """The initializer of a name, or the function itself; `UsageError` for anything else."""
    if callable(weights):
        return weights
    if not isinstance(weights, str) or weights not in INITIALIZERS:
        allowed = list(INITIALIZERS)
        raise UsageError(
            f"{owner}(weights={weights!r}): allowed are {', '.join(allowed)}, and functions of "
            f"(random, inputs, outputs).{nearest(str(weights), allowed)}"
        )
    return INITIALIZERS[weights]
