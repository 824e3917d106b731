"""What every layer can do, and what it may tell about itself."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from .settings import described

Params = dict[str, Any]
State = dict[str, Any]


@runtime_checkable
class Layer(Protocol):
    """What every layer can do.

    `init` makes the learned parameters and the state (what training updates without a gradient)
    for inputs of a shape without the batch axis; `apply` is a NumPy function that is traced, and
    hands the state back under the same names.

    A layer may also have these attributes:

    - `names`: a tuple of what it calls its parameters and state. It then shares the number of
      the layer before it: Dense, BatchNorm make W1, b1, gamma1. A layer without the attribute
      starts a new number.
    - `output_name`: what its output is called in emitted source, followed by its number; "z"
      when it does not say, "h" for activations.
    - `suits`: the initial weights (a name or a function) that suit a Dense layer in front of it.
    - `transparent`: True when a Dense layer in front of it looks through it for the activation.
    - `gives_probabilities`: True when its outputs are probabilities, as those of Softmax are; a
      loss on logits then refuses a network that ends with it.
    - `least_rows`: the fewest rows of a batch that it can be trained on.
    """

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """Initial parameters and state for inputs of shape (batch, *shape)."""

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """The layer's output for a batch, and its new state."""


class Described:
    """Prints as it is written, without settings at their defaults."""

    def __str__(self) -> str:
        return described(self)


class WithoutParameters(Described):
    """A layer that learns nothing and keeps nothing."""

    names: ClassVar[tuple[str, ...]] = ()

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """No parameters, no state."""
        return {}, {}
