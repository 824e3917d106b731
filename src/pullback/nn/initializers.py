"""Initial weights whose variance keeps signals from vanishing or exploding from layer to layer."""

from __future__ import annotations

from typing import Any

import numpy as np


def he_normal(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """Normal numbers with variance 2 / inputs: the right scale in front of a relu.

    Args:
        random: The source of random numbers.
        inputs: Units of the layer before (fan-in).
        outputs: Units of the layer.

    Returns:
        float64 weights of shape (inputs, outputs).

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.he_normal(np.random.default_rng(0), 200, 100).std().round(2)
        np.float64(0.1)

    Source: He et al., Delving deep into rectifiers (2015), equation 10.
    """
    return random.normal(scale=np.sqrt(2 / inputs), size=(inputs, outputs))


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


INITIALIZERS = {"he": he_normal, "glorot": glorot_uniform}
"""Initializers by the name that `Dense(weights=...)` takes."""
