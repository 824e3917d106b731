"""Sequential: layers one after the other."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np

from ..avals import Aval, aval_of
from ..dims import axis
from ..errors import UsageError
from ..tracing import named, trace_avals
from .layers import ACTIVATIONS, Activation, Layer, Params, State


class Sequential:
    """Layers one after the other: the output of each is the input of the next.

    Args:
        *layers: Layers; a plain function counts as an `Activation`.

    Parameters have the number of their layer, activations not counted: W1, b1, W2, ...

    Raises:
        UsageError: When there is no layer, or something is no layer.

    Example:
        >>> import pullback as pb
        >>> print(pb.nn.Sequential(pb.nn.Dense(100), pb.nn.ReLU(), pb.nn.Dense(10)))
        Sequential: Dense(100), ReLU, Dense(10)
    """

    def __init__(self, *layers: Any) -> None:
        if not layers:
            raise UsageError("Sequential needs at least one layer, such as pb.nn.Dense(10).")
        self.layers: list[Layer] = [inner for layer in layers for inner in _as_layers(layer)]
        for position, layer in enumerate(self.layers[:-1]):
            if hasattr(layer, "in_front_of"):
                self.layers[position] = layer.in_front_of(self.layers[position + 1])

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """Parameters and state of all layers for inputs of shape (batch, *shape), in float64."""
        params: Params = {}
        state: State = {}
        for layer, number in self._numbered():
            own_params, own_state = layer.init(random, shape)
            shape = _output_shape(layer, own_params, own_state, shape)
            params |= {_numbered_name(name, number): v for name, v in own_params.items()}
            state |= {_numbered_name(name, number): v for name, v in own_state.items()}
        return params, state

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The last layer's output for a batch, and the new state.

        Traced values are named z1, h1, z2, ...: what the k-th layer gives, and what the
        activation after it makes of that.
        """
        new_state = dict(state)
        for position, (layer, number) in enumerate(self._numbered()):
            own_params, own_state = _own(params, number), _own(new_state, number)
            x, changed = layer.apply(own_params, own_state, x, training=training)
            new_state |= {_numbered_name(name, number): v for name, v in changed.items()}
            if position < len(self.layers) - 1:
                x = named(x, f"{'h' if isinstance(layer, Activation) else 'z'}{number}")
        return x, new_state

    def _numbered(self) -> list[tuple[Layer, int]]:
        """Each layer with its number; an activation has that of the layer before it."""
        counts = itertools.accumulate(
            int(not isinstance(layer, Activation)) for layer in self.layers
        )
        return list(zip(self.layers, counts, strict=True))

    def __str__(self) -> str:
        return f"Sequential: {', '.join(map(str, self.layers))}"

    def __repr__(self) -> str:
        return f"<{self}>"


def _as_layers(layer: Any) -> list[Layer]:
    if isinstance(layer, type) or any(layer is maker for maker in ACTIVATIONS.values()):
        name = layer.__name__
        raise UsageError(f"{name} makes layers and is none itself; write {name}(...).")
    if isinstance(layer, Sequential):
        return layer.layers
    if isinstance(layer, Layer):
        return [layer]
    if callable(layer):
        return [Activation(layer)]
    raise UsageError(f"{layer!r} is not a layer; write pb.nn.Dense(10) or a NumPy function.")


def _numbered_name(name: str, number: int) -> str:
    """W and 1: W1; w1 and 2: w1_2."""
    return f"{name}_{number}" if name[-1].isdigit() else f"{name}{number}"


def _own(values: dict[str, Any], number: int) -> dict[str, Any]:
    """The values of the layer with a number, under the layer's own names."""
    found = ((_NUMBERED.fullmatch(name), value) for name, value in values.items())
    return {
        match["before"] or match["name"]: value
        for match, value in found
        if match and int(match["number"]) == number
    }


def _output_shape(
    layer: Layer, params: Params, state: State, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """The shape of a layer's output without the batch axis, found by tracing it."""

    def output(params: Params, state: State, x: Any) -> Any:
        return layer.apply(params, state, x, training=False)[0]

    avals = {
        "params": {name: aval_of(value) for name, value in params.items()},
        "state": {name: aval_of(value) for name, value in state.items()},
        "x": Aval(np.dtype(np.float64), (axis("N"), *shape)),
    }
    program = trace_avals(output, avals, str(layer))
    result: tuple[Any, ...] = program.outputs[0].aval.shape[1:]
    return result


_NUMBERED = re.compile(r"(?:(?P<before>.*\d)_|(?P<name>.*\D))(?P<number>\d+)")
