"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..avals import Aval, aval_of
from ..dims import axis
from ..errors import UsageError
from ..tracing import named, trace_avals
from .activations import Activation
from .layers import ACTIVATIONS
from .numbering import Place, places
from .protocol import Layer, Params, State

if TYPE_CHECKING:
    from ..views.network import Network


class Sequential:
    """Layers one after the other: the output of each is the input of the next.

    Args:
        *layers: Layers; a plain function counts as an `Activation`.

    Parameters have the number of their layer: W1, b1, W2, ... A layer that declares its `names`
    (activations, normalizations, dropout) shares the number of the layer before it, or 0 where
    there is none, unless one of its names is taken there: Dense, BatchNorm, PReLU, Dense make
    W1, b1, gamma1, beta1, mean1, variance1, slope1, W2, b2.

    Raises:
        UsageError: When there is no layer, or something is no layer; from `init`, when the shape
            of a sample is no tuple of whole numbers above 0, or a layer gives anything but
            floating numbers, a row for each row.

    Example:
        >>> import pullback as pb
        >>> print(pb.nn.Sequential(pb.nn.Dense(100), pb.nn.ReLU(), pb.nn.Dense(10)))
        Sequential: Dense(100), ReLU, Dense(10)
    """

    def __init__(self, *layers: Any) -> None:
        if not layers:
            raise UsageError("Sequential needs at least one layer, such as pb.nn.Dense(10).")
        self.layers: list[Layer] = [inner for layer in layers for inner in _as_layers(layer)]
        for position, layer in enumerate(self.layers):
            if hasattr(layer, "in_front_of"):
                self.layers[position] = layer.in_front_of(_opaque(self.layers[position + 1 :]))
        self._places = places(self.layers)

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """Parameters and state of all layers for inputs of shape (batch, *shape), in float64."""
        if not isinstance(shape, tuple) or not all(_is_length(length) for length in shape):
            raise UsageError(
                f"init(shape={shape!r}): it must be a tuple of whole numbers above 0, the shape of "
                "one sample, such as (4,)."
            )
        if not isinstance(random, np.random.Generator):
            raise UsageError(
                f"init(random={random!r}): it must be a generator, such as "
                "np.random.default_rng(0)."
            )
        params: Params = {}
        state: State = {}
        for place in self._places:
            own_params, own_state = place.layer.init(random, shape)
            shape = _output_shape(place.layer, own_params, own_state, shape)
            params |= place.numbered(own_params, params)
            state |= place.numbered(own_state, state)
        return params, state

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The last layer's output for a batch, and the new state.

        Traced values are named after their layer and its number: z1, normed1, h1, z2, ...
        """
        new_state = dict(state)
        for place in self._places:
            own_state = place.own(state)
            x, changed = place.layer.apply(place.own(params), own_state, x, training=training)
            _check_state(place, own_state, changed)
            new_state |= place.numbered(changed)
            if place is not self._places[-1]:
                x = named(x, place.output_name)
        return x, new_state

    def to_graph(self, inputs: int) -> Network:
        """The network as columns of units, with widths, layers and the parameters it will learn.

        Args:
            inputs: Number of input columns, at least 1.

        Returns:
            A picture: `svg()`, `dot()`, `save(path)`, `print`; in a notebook it draws itself.

        Raises:
            UsageError: When inputs is no whole number above 0, or the layers do not fit it.

        Example:
            >>> import pullback as pb
            >>> print(pb.nn.Sequential(pb.nn.Dense(3), pb.nn.ReLU(), pb.nn.Dense(2)).to_graph(4))
            4 inputs
            3 hidden units by Dense(3), ReLU; learned W1 4x3, b1 3
            2 outputs by Dense(2); learned W2 3x2, b2 2
            23 learned parameters, float64
        """
        from ..views.network import Network
        from .columns import columns

        shape: tuple[int, ...] = (inputs,)
        widths: dict[int, int] = {}
        params, state = self.init(np.random.default_rng(0), shape)
        for place in self._places:
            shape = _output_shape(place.layer, place.own(params), place.own(state), shape)
            widths[place.number] = shape[-1]
        shapes = {name: np.shape(value) for name, value in params.items()}
        layers = [(place.number, str(place.layer)) for place in self._places]
        return Network(columns(inputs, layers, shapes, widths), "float64")

    def __str__(self) -> str:
        return f"Sequential: {', '.join(map(str, self.layers))}"

    def __repr__(self) -> str:
        return f"<{self}>"


def _is_length(length: Any) -> bool:
    whole = isinstance(length, int | np.integer) and not isinstance(length, bool)
    return whole and bool(length > 0)


def _opaque(following: Iterable[Layer]) -> Layer | None:
    """The first layer that a Dense layer in front of it does not look through."""
    return next((layer for layer in following if not getattr(layer, "transparent", False)), None)


def _as_layers(layer: Any) -> list[Layer]:
    if isinstance(layer, type) or any(layer is maker for maker in ACTIVATIONS.values()):
        name = getattr(layer, "__name__", "it")
        raise UsageError(f"{name} makes layers and is none itself; write {name}(...).")
    if isinstance(layer, Sequential):
        return layer.layers
    if isinstance(layer, Layer):
        return [layer]
    if callable(layer):
        return [Activation(layer)]
    raise UsageError(f"{layer!r} is not a layer; write pb.nn.Dense(10) or a NumPy function.")


def _check_state(place: Place, before: State, after: State) -> None:
    if set(before) != set(after):
        expected, given = (", ".join(sorted(names)) or "none" for names in (before, after))
        raise UsageError(
            f"{place.layer}: apply must hand back the state that it got, {expected}; "
            f"it gave {given}."
        )


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
    output_aval = program.outputs[0].aval
    if not output_aval.is_float or output_aval.shape[:1] != (axis("N"),):
        raise UsageError(
            f"{layer}: its output must be floating numbers, a row for each row of its input; "
            f"for (N, {', '.join(map(str, shape))}) it gives {output_aval}."
        )
    result: tuple[Any, ...] = output_aval.shape[1:]
    return result
