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
from .layers import ACTIVATIONS, Activation, Dense, Layer, Params, State


class Sequential:
    """Layers one after the other: the output of each is the input of the next.

    Args:
        *layers: Layers; a plain function counts as an `Activation`.

    Parameters are named after the Dense layer that they belong to or follow: W1, b1, W2, ...

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
            if isinstance(layer, Dense):
                self.layers[position] = layer.in_front_of(self.layers[position + 1])

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """Parameters and state of all layers for inputs of shape (batch, *shape), in float64."""
        params: Params = {}
        state: State = {}
        for layer, block in self._blocks():
            own_params, own_state = layer.init(random, shape)
            shape = _output_shape(layer, own_params, own_state, shape)
            for own, collected in ((own_params, params), (own_state, state)):
                numbered = {f"{name}{block}": value for name, value in own.items()}
                if numbered.keys() & collected.keys():
                    raise UsageError(f"{layer} stands twice after one Dense layer.")
                collected.update(numbered)
        return params, state

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The last layer's output for a batch, and the new state.

        Traced values are named z1, h1, z2, ...: what the k-th Dense layer gives, and what the
        layers after it make of that.
        """
        new_state = dict(state)
        for position, (layer, block) in enumerate(self._blocks()):
            own_params, own_state = _of_block(params, block), _of_block(new_state, block)
            x, changed = layer.apply(own_params, own_state, x, training=training)
            new_state |= {f"{name}{block}": value for name, value in changed.items()}
            if position < len(self.layers) - 1:
                x = named(x, f"{'z' if isinstance(layer, Dense) else 'h'}{block}")
        return x, new_state

    def _blocks(self) -> list[tuple[Layer, int]]:
        """Each layer with the number of the Dense layer that it follows or is."""
        counts = itertools.accumulate(int(isinstance(layer, Dense)) for layer in self.layers)
        return list(zip(self.layers, counts, strict=True))

    def __str__(self) -> str:
        return f"Sequential: {', '.join(map(str, self.layers))}"


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


def _of_block(values: dict[str, Any], block: int) -> dict[str, Any]:
    """The values of one block under the names that its layers know: W of W1."""
    found = ((_BLOCK_NAME.fullmatch(name), value) for name, value in values.items())
    return {match[1]: value for match, value in found if match and int(match[2]) == block}


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


_BLOCK_NAME = re.compile(r"(.*?)(\d+)")
