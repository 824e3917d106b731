"""What update rules are made of: formulas over all parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tracing import named
from .protocol import Arrays, State


def each(part: str, formula: Callable[..., Any], *arrays: Arrays) -> Arrays:
    """formula(...) for each parameter; traced values are named `part_W1`.

    Args:
        part: The part of the state that is computed; "" for the parameters themselves.
        formula: A NumPy function of one array from each of `arrays`.
        *arrays: Dicts with the same names.

    Returns:
        The results by name.
    """
    return {
        name: named(formula(*(given[name] for given in arrays)), f"{part}_{name}" if part else name)
        for name in arrays[0]
    }


def copies_of(value: Callable[[Any], Any], params: Arrays, *parts: str) -> State:
    """A state of some parts, each with value(w) for every parameter w."""
    return {part: {name: value(w) for name, w in params.items()} for part in parts}


def moving_average(part: str, old: Arrays, new: Arrays, decay: Any) -> Arrays:
    """decay * old + (1 - decay) * new for each parameter."""
    share = 1 - decay
    return each(part, lambda old, new: decay * old + share * new, old, new)


def squares(gradients: Arrays) -> Arrays:
    """g^2 for each parameter."""
    return {name: g**2 for name, g in gradients.items()}
