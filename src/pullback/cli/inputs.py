"""A function of the user's own and the inputs it is called with: example_inputs(), or shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..avals import Aval
from ..dims import evaluate
from ..errors import PullbackError, UsageError, nearest
from ..program import Program
from ..tracing import trace
from ..tracing.spec import aval_from_spec
from ..tracing.trace import signature_of
from .files import Files

EXAMPLE = "example_inputs"
FORM = "FILE.py:NAME"

Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SHAPE",
        help=f"Random inputs instead of {EXAMPLE}(): x=64x100, labels=i8:64 for whole numbers 0 "
        "and 1, rate= for one number, or x=NxD with named axes. Once for each argument.",
    ),
]
Size = Annotated[
    list[str] | None,
    typer.Option(metavar="AXIS=LENGTH", help="The length of a named axis: N=64."),
]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Of what is drawn at random.")]


@dataclass(frozen=True)
class Call:
    """A function and what it is called with.

    Attributes:
        function: The function, or its program with named axes, where shapes name some.
        arguments: Its arguments by name.
        told: Where they come from, in words.
    """

    function: Callable[..., Any] | Program
    arguments: Mapping[str, Any]
    told: str


@dataclass(frozen=True)
class Drawn:
    """What options say of random inputs: --shape, --size and --seed as they were given."""

    shapes: Sequence[str] = ()
    sizes: Sequence[str] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: it must be a whole number of at least 0.")


def parted(word: str) -> tuple[Path, list[str]]:
    """FILE.py:NAME:NAME as the file and the names.

    Raises:
        UsageError: When it is not written so.
    """
    file, dot, names = word.partition(".py")
    parts = names.removeprefix(":").split(":")
    if not dot or not file or (names and not names.startswith(":")) or not all(parts):
        raise UsageError(f"{word!r}: write {FORM}.")
    return Path(f"{file}.py"), parts


def call_of(files: Files, path: Path, name: str, drawn: Drawn) -> Call:
    """A function of a file, with the inputs of its example_inputs() or of the options.

    Args:
        files: Runs the file.
        path: The file.
        name: The function's name.
        drawn: The options.

    Raises:
        UsageError: When one of them is not there or they do not fit together.
    """
    function = files.member("", path, name)
    if drawn.shapes:
        return _drawn_call(function, drawn)
    if drawn.sizes:
        raise UsageError(f"--size {drawn.sizes[0]}: lengths belong to the axes of --shape.")
    make = files.member("", path, EXAMPLE, _MISSING)
    if make is _MISSING:
        raise UsageError(
            f"{path} has no {EXAMPLE}(), a function that returns a dict of arguments by name; "
            "write one, or give --shape NAME=SHAPE for each argument."
        )
    with files.told():
        inputs = example_of(path, function, make)
    return Call(function, inputs, f"{EXAMPLE}() of {path}")


def example_of(path: Path, function: Any, make: Any, **seed: int) -> dict[str, Any]:
    """The example inputs of a function: what `make` returns, when it fits.

    Args:
        path: The file of both, for messages.
        function: What is called with the inputs.
        make: The file's example_inputs.
        **seed: What `make` is called with.

    Raises:
        UsageError: When it returns no dict of the function's arguments.
    """
    inputs = make(**seed)
    if not isinstance(inputs, Mapping) or not all(isinstance(name, str) for name in inputs):
        raise UsageError(f"{EXAMPLE}() of {path} must return a dict of arguments by name.")
    _fit(function, inputs, f"{EXAMPLE}() of {path}")
    return dict(inputs)


_MISSING = object()
_BETWEEN_LENGTHS = re.compile(r"(?<=[0-9A-Z])x(?=[0-9A-Z])|,")


def _fit(function: Any, inputs: Mapping[str, Any], told: str) -> None:
    try:
        signature_of(function).bind(**inputs)
    except TypeError as error:
        name = getattr(function, "__name__", "the function")
        raise UsageError(f"{told} does not fit {name}: {error}.") from None


def _drawn_call(function: Any, drawn: Drawn) -> Call:
    avals = dict(_aval(word) for word in drawn.shapes)
    _refuse_unknown(function, avals)
    _fit(function, avals, "--shape")
    axes = {name: None for aval in avals.values() for name in _axes(aval)}
    sizes = _sizes(drawn.sizes, list(axes))
    random = np.random.default_rng(drawn.seed)
    arguments = {name: _draw(random, aval, sizes) for name, aval in avals.items()}
    told = f"random, seed {drawn.seed}"
    return Call(trace(function, **avals) if axes else function, arguments, told)


def _aval(word: str) -> tuple[str, Aval]:
    """NAME=SHAPE as the name and what a traced argument will be."""
    name, equals, shape = word.partition("=")
    dtype, colon, dims = shape.rpartition(":")
    if not equals or not name.isidentifier() or (colon and not dtype):
        raise UsageError(f"--shape {word!r}: write NAME=SHAPE, such as x=64x100 or labels=i8:64.")
    spec = " ".join([dtype, *_BETWEEN_LENGTHS.split(dims)])
    try:
        return name, aval_from_spec(spec.strip(), name)
    except PullbackError as error:
        raise UsageError(f"--shape {word!r}: {error}") from None


def _refuse_unknown(function: Any, avals: Mapping[str, Any]) -> None:
    parameters = signature_of(function).parameters
    if any(each.kind is Parameter.VAR_KEYWORD for each in parameters.values()):
        return
    for name in avals:
        if name not in parameters:
            known = ", ".join(parameters)
            raise UsageError(
                f"--shape {name}: it is not an argument; there are {known}."
                f"{nearest(name, list(parameters))}"
            )


def _axes(aval: Aval) -> list[str]:
    return [name for dim in aval.shape if not isinstance(dim, int) for name in sorted(dim.axes)]


def _sizes(words: Sequence[str], axes: list[str]) -> dict[str, int]:
    sizes = {}
    for word in words:
        axis, _, length = word.partition("=")
        if not (length.isascii() and length.isdigit() and int(length)):
            raise UsageError(f"--size {word!r}: write AXIS=LENGTH, such as N=64.")
        if axis not in axes:
            known = ", ".join(axes) or "none"
            raise UsageError(f"--size {word!r}: the axes of --shape are: {known}.")
        sizes[axis] = int(length)
    for axis in axes:
        if axis not in sizes:
            raise UsageError(f"--size: how long is the axis {axis}? Write --size {axis}=LENGTH.")
    return sizes


def _draw(random: np.random.Generator, aval: Aval, sizes: Mapping[str, int]) -> Any:
    """Standard normal numbers; of whole numbers and booleans 0 and 1."""
    shape = tuple(evaluate(dim, sizes) for dim in aval.shape)
    if aval.is_float:
        return np.asarray(random.normal(size=shape), aval.dtype)
    return random.integers(0, 2, size=shape).astype(aval.dtype)
