"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import UsageError
from .initializers import Weights, initializer_of
from .protocol import Described, Params, State
from .settings import real


@dataclass(frozen=True)
class Dense(Described):
    """Fully connected layer: x W + b.

    Args:
        units: Number of outputs, at least 1.
        bias: Whether there is a b. It starts at 0.
        weights: A name in `INITIALIZERS` or a function (random, inputs, outputs) -> W; None for
            what suits the activation that follows (He's in front of ReLU and its kin with the
            gain of their slope, ELU, GELU, SiLU and softplus; LeCun's in front of SELU; else
            Glorot's). `Sequential` looks for it, through normalizations and dropout.
        suited: What None stands for; `Sequential` sets it.

    Raises:
        UsageError: When a setting is out of range; from `init`, when `weights` is a function that
            gives anything but finite numbers of the right shape.

    Example:
        >>> import numpy as np, pullback as pb
        >>> params, state = pb.nn.Dense(3).init(np.random.default_rng(0), (5,))
        >>> params["W"].shape, params["b"].shape
        ((5, 3), (3,))
    """

    units: int
    bias: bool = True
    weights: Weights | None = None
    suited: Weights = field(default="glorot", repr=False, kw_only=True)

    def __post_init__(self) -> None:
        whole = isinstance(self.units, int | np.integer) and not isinstance(self.units, bool)
        if not whole or self.units < 1:
            raise UsageError(f"Dense(units={self.units!r}): units must be a whole number >= 1.")
        if not isinstance(self.bias, bool | np.bool_):
            raise UsageError(f"Dense(bias={self.bias!r}): bias must be True or False.")
        if self.weights is not None:
            initializer_of("Dense", self.weights)

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """W of shape (inputs, units) and, with a bias, b of shape (units,), in float64."""
        if len(shape) != 1:
            raise UsageError(f"Dense needs rows of features, not samples of shape {shape}.")
        chosen = self.suited if self.weights is None else self.weights
        W = real(str(self), initializer_of("Dense", chosen)(random, shape[0], self.units), "W")
        W = W.astype(float)
        if W.shape != (shape[0], self.units):
            raise UsageError(
                f"{self}: the initial weights must have the shape {(shape[0], self.units)}, "
                f"not {W.shape}."
            )
        if not np.all(np.isfinite(W)):
            raise UsageError(f"{self}: the initial weights must be finite numbers.")
        return ({"W": W, "b": np.zeros(self.units)} if self.bias else {"W": W}), {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """x W + b: (batch, inputs) -> (batch, units)."""
        return (x @ params["W"] + params["b"] if self.bias else x @ params["W"]), state

    def in_front_of(self, following: Any) -> Dense:
        """The layer with the initial weights that suit the layer after it (None: the end)."""
        return replace(self, suited=getattr(following, "suits", "glorot"))
