"""Layers: `init(random, shape) -> params, state` and `apply(params, state, x, *, training)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import UsageError, nearest
from .functions import relu, sigmoid
from .initializers import INITIALIZERS

Params = dict[str, Any]
State = dict[str, Any]


@runtime_checkable
class Layer(Protocol):
    """What every layer can do.

    `init` makes the learned parameters and the state (what training updates without a gradient)
    for inputs of a shape without the batch axis; `apply` is a NumPy function that is traced.
    """

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """Initial parameters and state for inputs of shape (batch, *shape)."""

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The layer's output for a batch, and its new state."""


@dataclass(frozen=True)
class Dense:
    """Fully connected layer: x W + b.

    Args:
        units: Number of outputs, at least 1.
        bias: Whether there is a b.
        weights: "he", "glorot", or None: he in front of a ReLU, else glorot. b starts at 0.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> params, state = pb.nn.Dense(3).init(np.random.default_rng(0), (5,))
        >>> params["W"].shape, params["b"].shape
        ((5, 3), (3,))
    """

    units: int
    bias: bool = True
    weights: str | None = None

    def __post_init__(self) -> None:
        whole = isinstance(self.units, int | np.integer) and not isinstance(self.units, bool)
        if not whole or self.units < 1:
            raise UsageError(f"Dense(units={self.units!r}): units must be a whole number >= 1.")
        if self.weights is not None and self.weights not in INITIALIZERS:
            allowed = list(INITIALIZERS)
            raise UsageError(
                f"Dense(weights={self.weights!r}): allowed are {', '.join(allowed)}."
                f"{nearest(str(self.weights), allowed)}"
            )

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """W of shape (inputs, units) and, with a bias, b of shape (units,), in float64."""
        if len(shape) != 1:
            raise UsageError(f"Dense needs rows of features, not samples of shape {shape}.")
        initializer = INITIALIZERS[self.weights or "glorot"]
        params = {"W": initializer(random, shape[0], self.units)}
        return (params | {"b": np.zeros(self.units)} if self.bias else params), {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """x W + b: (batch, inputs) -> (batch, units)."""
        return (x @ params["W"] + params["b"] if self.bias else x @ params["W"]), state

    def in_front_of(self, following: Any) -> Dense:
        """The layer with the initial weights that suit the layer after it."""
        suited = getattr(following, "weights", None) or "glorot"
        return self if self.weights is not None else replace(self, weights=suited)

    def __str__(self) -> str:
        return f"Dense({self.units})" if self.bias else f"Dense({self.units}, bias=False)"


@dataclass(frozen=True)
class Activation:
    """A function without parameters as a layer.

    Args:
        function: Any NumPy function that `pb.trace` accepts; it works entry by entry.
        name: How the layer is printed; the function's name when empty.
        weights: The initial weights that suit a Dense layer in front of it.

    Example:
        >>> import numpy as np, pullback as pb
        >>> print(pb.nn.Activation(np.tanh))
        tanh
    """

    function: Callable[[Any], Any]
    name: str = ""
    weights: str = "glorot"

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """No parameters, no state."""
        return {}, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """function(x)."""
        return self.function(x), state

    def __str__(self) -> str:
        return self.name or getattr(self.function, "__name__", "activation")


def ReLU() -> Activation:
    """max(x, 0), entry by entry, as a layer; its slope at 0 is 0.

    Returns:
        A layer without parameters that keeps shape and dtype; He weights suit a Dense before it.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.ReLU().apply({}, {}, np.array([-1.0, 2.0]), training=True)[0]
        array([0., 2.])
    """
    return Activation(relu, "ReLU", weights="he")


def Sigmoid() -> Activation:
    """1 / (1 + exp(-x)), entry by entry and without overflow, as a layer.

    Returns:
        A layer without parameters that keeps shape and dtype; Glorot weights suit a Dense
        before it.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Sigmoid().apply({}, {}, np.array([0.0]), training=True)[0]
        array([0.5])
    """
    return Activation(sigmoid, "Sigmoid")


ACTIVATIONS: dict[str, Callable[[], Activation]] = {"relu": ReLU, "sigmoid": Sigmoid}
"""Activation layers by the name that the command line takes."""
