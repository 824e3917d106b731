"""Small inputs for a program, as NumPy source: drawn from a seeded generator named `random`.

Which numbers a function takes (logarithms, class numbers, rows that sum to 1) is not known from
its shapes, so a few ways to draw them are tried until its results are finite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import numpy as np

from ..dims import axis_lengths, evaluate
from ..errors import UsageError
from ..primitive import text_of_constant
from ..program import Program, Var
from .numpy_source import LARGEST_WRITTEN_ARRAY, array_text

LENGTHS = (4, 3, 5, 2, 6, 7)
"""What the named axes are, in order of appearance; the last is repeated."""

MOST_TRIES = 400
SEED = 0


def axis_sizes(program: Program, example: Mapping[Var, Any] | None = None) -> dict[str, int]:
    """The length of each named axis: that of an example, else a small one."""
    axes = program.axes
    small = dict(zip(axes, [*LENGTHS, *[LENGTHS[-1]] * len(axes)], strict=False))
    given = example or {}
    return small | axis_lengths((var.aval.shape, np.shape(given[var])) for var in given)


def sample_texts(
    program: Program,
    example: Mapping[Var, Any] | None,
    is_fit: Callable[[Sequence[Any]], bool],
) -> list[str]:
    """A NumPy expression for each argument input; those before it are drawn before it.

    Args:
        program: Its inputs are to be drawn.
        example: Values like those that it is meant for, if there are some.
        is_fit: Whether values of the inputs can be used.

    Raises:
        UsageError: When none of the ways to draw them is fit.
    """
    inputs = program.argument_inputs
    sizes = axis_sizes(program, example)
    choices = [
        list(_ways(var, tuple(evaluate(dim, sizes) for dim in var.aval.shape), (example or {})))
        for var in inputs
    ]
    for texts in islice(_likeliest_first(choices), MOST_TRIES):
        if is_fit(drawn(texts)):
            return list(texts)
    raise UsageError(
        f"No inputs were found at which {program.name} and its derivatives are finite; give an "
        "example of its inputs."
    )


def drawn(texts: Sequence[str]) -> list[Any]:
    """The values of the expressions."""
    random = np.random.default_rng(SEED)
    return [eval(text, {"np": np, "random": random}) for text in texts]


def _likeliest_first(choices: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """All combinations, those with few departures from each first choice first."""
    places = product(*(range(len(ways)) for ways in choices))
    many = islice(places, 50 * MOST_TRIES)
    for chosen in sorted(many, key=lambda each: (sum(i > 0 for i in each), sum(each))):
        yield tuple(ways[i] for ways, i in zip(choices, chosen, strict=True))


def _ways(var: Var, shape: tuple[int, ...], example: Mapping[Var, Any]) -> Iterator[str]:
    """How the value of an input may be drawn, the likeliest first."""
    kind = var.aval.dtype.kind
    size = f"size={shape}" if shape else ""
    if var in example:
        yield _like(np.asarray(example[var]), size)
    if kind == "f":
        yield f"random.normal({size})"
        yield f"random.uniform({_joined('0.2, 0.8', size)})"
        if shape:
            rows = f", size={shape[:-1]}" if shape[:-1] else ""
            yield f"random.dirichlet(np.ones({shape[-1]}){rows})"
    elif kind == "b":
        yield f"random.integers({_joined('0, 2', size)}) > 0"
    else:
        for bounds in ("0, 2", "1, 4"):
            yield _integers(bounds, size, var.aval.dtype)


def _like(value: Any, size: str) -> str:
    """An example itself where it is small, else numbers like it."""
    if value.dtype.kind == "f" and value.size > LARGEST_WRITTEN_ARRAY:
        low, high = float(value.min()), float(value.max())
        if low >= 0:
            return f"random.uniform({_joined(f'{low:.4g}, {high:.4g}', size)})"
        return f"random.normal({_joined(f'{value.mean():.4g}, {value.std():.4g}', size)})"
    if value.size <= LARGEST_WRITTEN_ARRAY:
        plain = value.astype(float) if value.dtype.kind == "f" else value
        return array_text(plain) if value.ndim else text_of_constant(plain.item())
    if value.dtype.kind == "b":
        return f"random.integers({_joined('0, 2', size)}) > 0"
    return _integers(f"{value.min()}, {int(value.max()) + 1}", size, value.dtype)


def _integers(bounds: str, size: str, dtype: Any) -> str:
    if not size:
        return f"int(random.integers({bounds}))"
    in_dtype = "" if dtype == np.int64 else f"dtype={text_of_constant(dtype)}"
    return f"random.integers({_joined(bounds, size, in_dtype)})"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
