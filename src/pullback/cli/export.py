"""`pullback export FILE.py:NAME --to numpy`: a function and its backward pass, to take away."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from ..avals import aval_of
from ..differentiate import named_inputs, wanted_arguments
from ..errors import PullbackError, StorageError, UsageError
from ..jacobians.point import at_point
from ..program import Program
from ..storage import write_atomic
from ..tracing import trace_avals
from ..trees import Structure, flatten, unflatten
from ..views.standalone import backward_of, standalone
from .files import Files, is_of_file
from .inputs import FORM, Call, Drawn, Seed, Shape, Size, call_of, parted
from .outcome import DONE

NUMPY = "numpy"


class Traced(NamedTuple):
    """A function as a program, and values by argument name that the file is checked at.

    `fixed` says what the program takes for granted, in words; empty where it is nothing.
    """

    program: Program
    example: Mapping[str, Any] | None
    fixed: str = ""


def export(
    what: Annotated[
        str, typer.Argument(metavar=FORM, help="A NumPy function of your own.", show_default=False)
    ],
    to: Annotated[str, typer.Option("--to", metavar="numpy", help="What is written.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here, not to standard output.")
    ] = None,
    wrt: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Arguments that the backward pass is for, such as W1,W2.",
            show_default="all floating ones",
        ),
    ] = None,
    shape: Shape = None,
    size: Size = None,
    seed: Seed = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Write even if the --out file exists.")
    ] = False,
) -> int:
    """Write a function and its derived backward pass as one Python file that needs NumPy alone.

    Run as a script, the file checks its backward pass against differences of its forward pass and
    ends with 0 where it is right, else 1. Where the function does not return one number, the
    backward pass takes the cotangent of the result.

    The file is for arrays of the shapes of example_inputs(); with named axes, as in
    --shape x=NxD, for all lengths.

    \b
    Examples:
      pullback export net.py:forward --to numpy --out net_numpy.py --wrt W1,W2
      pullback export net.py:forward --to numpy --shape x=NxD --shape W=Dx10 --size N=4 --size D=3
    """
    if to != NUMPY:
        raise UsageError(f"--to {to!r}: allowed is {NUMPY!r}, for now.")
    if not is_of_file(what):
        raise UsageError(
            f"{what}: write {FORM}; trained runs cannot be exported yet, but their training step "
            "stands as NumPy source in RUN/training_step.py."
        )
    _refuse_overwriting(out, force)
    path, names = parted(what)
    if len(names) > 1:
        raise UsageError(f"{what!r}: write {FORM}.")
    files = Files()
    with files.told(), redirect_stdout(sys.stderr):  # what the file prints is no part of ours
        call = call_of(files, path, names[0], Drawn(shape or (), size or (), seed))
        traced = _traced(call)
    derived = traced.program if wrt is None else _derived(traced.program, wrt.split(","))
    text = standalone(derived, traced.example, traced.fixed)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomic(out, text)
        print(f"written: {out}", file=sys.stderr)
    if traced.fixed:
        print(f"note: {traced.fixed}", file=sys.stderr)
    return DONE


def _refuse_overwriting(out: Path | None, force: bool) -> None:
    if out is None:
        return
    if out.is_dir():
        raise StorageError(f"--out {out}: it is a folder.")
    if out.exists() and not force:
        raise StorageError(f"{out} exists already: choose another file or add --force.")


def _traced(call: Call) -> Traced:
    """One program for all values where the function allows it, else the one for these values."""
    if isinstance(call.function, Program):
        return Traced(call.function, None)
    try:
        return _for_all_values(call)
    except PullbackError as error:
        point = at_point(call.function, (), call.arguments)
        names = [argument.name for argument in point.program.arguments]
        values = [point.inputs[var] for var in point.program.argument_inputs]
        fixed = (
            "Branches are taken and whole numbers are as for the inputs that it was made with, "
            "since no one program holds for all inputs: "
        ) + str(error).splitlines()[0]
        return Traced(point.program, dict(zip(names, values, strict=True)), fixed)


def _for_all_values(call: Call) -> Traced:
    """Arrays and floating numbers are inputs; what else there is, is a constant."""
    constants = {n: value for n, value in call.arguments.items() if not _varies(value)}
    example = {n: value for n, value in call.arguments.items() if n not in constants}
    avals = {}
    for name, value in example.items():
        leaves, structure = flatten(value)
        avals[name] = unflatten(structure, list(map(aval_of, leaves)))

    def at(**varying: Any) -> Any:
        return call.function(**constants, **varying)

    return Traced(trace_avals(at, avals, getattr(call.function, "__name__", "f")), example)


def _varies(value: Any) -> bool:
    return any(isinstance(leaf, np.ndarray | np.generic | float) for leaf in flatten(value)[0])


def _derived(program: Program, words: list[str]) -> Program:
    by_name = named_inputs(program)
    names, _ = wanted_arguments([word.strip() for word in words], list(by_name))
    parts = [by_name[name] for name in names]
    inputs = [var for _, some in parts for var in some]
    for var in inputs:
        if not var.aval.is_float:
            raise UsageError(f"--wrt {','.join(words)}: {var.hint} is not floating.")
    structures = tuple(structure for structure, _ in parts)
    return backward_of(program, inputs, Structure("tuple", tuple(range(len(parts))), structures))
