"""Several sets of inputs, so that an answer typed in for one of them is not right for all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import UsageError
from ..trees import flatten, unflatten

Inputs = Mapping[str, Any]


def input_sets(example_inputs: Callable[..., Inputs], count: int, seed: int) -> list[Inputs]:
    """The example inputs, and others like them.

    A function that takes a seed is called with further seeds. Of one that takes none, each array
    has its rows (entries along its first axis) permuted, each array in its own way: whatever
    holds for single rows, such as that they are one-hot, stays true.

    Args:
        example_inputs: Returns a dict of arguments by name; may take `seed`, a whole number.
        count: How many sets.
        seed: What the others are made from.

    Returns:
        At least one set, and no two that are equal.

    Example:
        >>> [inputs["x"].tolist() for inputs in input_sets(lambda: {"x": np.arange(3)}, 2, 0)]
        [[0, 1, 2], [2, 0, 1]]
    """
    if count < 1:
        raise UsageError(f"{count} sets of inputs are asked for; there must be at least 1.")
    if "seed" in inspect.signature(example_inputs).parameters:
        return [example_inputs(seed=seed + i) for i in range(count)]
    first = example_inputs()
    random = np.random.default_rng(seed)
    sets = [first]
    for _ in range(count - 1):
        other = {name: _permuted(value, random) for name, value in first.items()}
        if not any(_equal(other, known) for known in sets):
            sets.append(other)
    return sets


def _permuted(value: Any, random: np.random.Generator) -> Any:
    leaves, structure = flatten(value)
    return unflatten(structure, [_rows_permuted(leaf, random) for leaf in leaves])


def _rows_permuted(leaf: Any, random: np.random.Generator) -> Any:
    if not isinstance(leaf, np.ndarray) or leaf.ndim == 0:
        return leaf
    return leaf[random.permutation(len(leaf))]


def _equal(one: Inputs, other: Inputs) -> bool:
    mine, yours = flatten(dict(one))[0], flatten(dict(other))[0]
    return all(np.array_equal(a, b) for a, b in zip(mine, yours, strict=True))
