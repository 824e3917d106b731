"""Layers that subtract a mean, divide by a standard deviation, and learn a scale and a shift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import UsageError
from ..tracing import varying
from .protocol import Described, Params, State
from .settings import number_in


@dataclass(frozen=True)
class BatchNorm(Described):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, each unit over the rows of the batch.

    In training mean and variance are those of the batch, the variance as the mean of squared
    deviations; the gradient flows through both. Prediction uses running ones, the layer's state:
    running + momentum * (batch - running) after each step, with the unbiased variance
    (sum / (rows - 1)), from 0 and 1. This is PyTorch's BatchNorm1d, to rounding; a difference is
    that `momentum=None`, the average over all batches, and layers without gamma and beta or
    without running statistics are there alone.

    One row has no variance: its unbiased form divides by 0, and the output would be beta
    whatever the input. So training refuses batch_size=1 and makes no step with fewer rows than
    `least_rows`, which is 2: a last batch of one row joins the one before it. Prediction takes
    any number of rows. PyTorch refuses one row in training too, but leaves a last batch of one row
    to its user.

    Args:
        momentum: Weight of the present batch in the running statistics, in (0, 1].
        epsilon: Added to the variance, above 0. Both numbers vary without a new trace.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> layer = pb.nn.BatchNorm()
        >>> params, state = layer.init(np.random.default_rng(0), (1,))
        >>> y, state = layer.apply(params, state, np.array([[1.0], [3.0]]), training=True)
        >>> y.round(3).tolist(), state["mean"], state["variance"]
        ([[-1.0], [1.0]], array([0.2]), array([1.1]))

    Source: Ioffe and Szegedy, Batch normalization (2015), algorithm 1.
    """

    names: ClassVar[tuple[str, ...]] = ("gamma", "beta", "mean", "variance")
    output_name: ClassVar[str] = "normed"
    transparent: ClassVar[bool] = True
    least_rows: ClassVar[int] = 2

    momentum: float = 0.1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        number_in("(]", 0, 1, "BatchNorm", "momentum", self.momentum)
        number_in("()", 0, math.inf, "BatchNorm", "epsilon", self.epsilon)

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """gamma = 1, beta = 0; running mean 0 and variance 1, each of the shape of one sample."""
        params = {"gamma": np.ones(shape), "beta": np.zeros(shape)}
        return params, {"mean": np.zeros(shape), "variance": np.ones(shape)}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The scaled and shifted rows; in training with new running statistics."""
        epsilon = varying(float(self.epsilon), "epsilon", x)
        if not training:
            standardized = (x - state["mean"]) / np.sqrt(state["variance"] + epsilon)
            return params["gamma"] * standardized + params["beta"], state
        rows = x.shape[0]
        if isinstance(rows, int) and rows < self.least_rows:
            raise UsageError(f"{self}: training needs batches of at least 2 rows, not {rows}.")
        mean = np.mean(x, axis=0)
        centred = x - mean
        variance = np.mean(np.square(centred), axis=0)
        deviation = np.sqrt(variance + epsilon)
        standardized = centred / deviation
        momentum = varying(float(self.momentum), "momentum", x)
        unbiased = variance * (rows / (rows - 1))
        running = {
            "mean": state["mean"] + momentum * (mean - state["mean"]),
            "variance": state["variance"] + momentum * (unbiased - state["variance"]),
        }
        return params["gamma"] * standardized + params["beta"], running


@dataclass(frozen=True)
class LayerNorm(Described):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, each row over its own units.

    Rows do not meet, so training and prediction are the same and any batch size will do. The
    variance is the mean of squared deviations. This is PyTorch's LayerNorm over the last axis, to
    rounding; there several axes may be given too.

    Args:
        epsilon: Added to the variance, above 0; varies without a new trace.

    Raises:
        UsageError: When epsilon is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> layer = pb.nn.LayerNorm()
        >>> params, _ = layer.init(np.random.default_rng(0), (2,))
        >>> layer.apply(params, {}, np.array([[1.0, 3.0]]), training=True)[0].round(3)
        array([[-1.,  1.]])

    Source: Ba, Kiros and Hinton, Layer normalization (2016).
    """

    names: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    output_name: ClassVar[str] = "normed"
    transparent: ClassVar[bool] = True

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        number_in("()", 0, math.inf, "LayerNorm", "epsilon", self.epsilon)

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """gamma = 1, beta = 0, one per unit."""
        return {"gamma": np.ones(shape[-1:]), "beta": np.zeros(shape[-1:])}, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The scaled and shifted rows."""
        epsilon = varying(float(self.epsilon), "epsilon", x)
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(np.square(centred), axis=-1, keepdims=True)
        deviation = np.sqrt(variance + epsilon)
        standardized = centred / deviation
        return params["gamma"] * standardized + params["beta"], state
