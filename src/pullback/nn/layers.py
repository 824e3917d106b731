"""Activations by the name that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .activations import (
    ELU,
    GELU,
    SELU,
    Identity,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from .leaky import LeakyReLU, PReLU, RandomizedLeakyReLU
from .protocol import Layer

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": ReLU,
    "leaky-relu": LeakyReLU,
    "prelu": PReLU,
    "randomized-leaky-relu": RandomizedLeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "gelu-tanh": partial(GELU, "tanh"),
    "silu": SiLU,
    "softplus": Softplus,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "identity": Identity,
}
"""What makes an activation layer with its default settings, by name."""
