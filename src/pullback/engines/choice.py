"""Which engine runs a training: decided from the sizes of the work alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from ..errors import UsageError, nearest, warn_user
from ..program import Program
from ..views.cost.amounts import Amount, amount_of

AUTO, REFERENCE, NATIVE = "auto", "reference", "native"
ENGINES = (AUTO, REFERENCE, NATIVE)

SECONDS_PER_EQUATION = 1.5e-6
SECONDS_PER_FLOP = 1 / 80e9
SECONDS_PER_BYTE = 1 / 32e9
SECONDS_TO_COMPILE = 6.0
"""About what a program of a few equations takes."""

EQUATIONS_TO_DOUBLE = 400
"""So many take twice as long."""

COMPILING = "compiling the step for this machine (once per structure) ..."
"""What is said when a program is compiled; see `notice`."""


class Tell(Protocol):
    """Takes one line of text for the user."""

    def __call__(self, line: str) -> None:
        """Tell it."""


def checked_engine(engine: Any) -> str:
    """The word, when it names an engine or "auto"; raises `UsageError`."""
    if not isinstance(engine, str) or engine not in ENGINES:
        raise UsageError(
            f"engine={engine!r}: allowed are {', '.join(map(repr, ENGINES))}."
            f"{nearest(str(engine), list(ENGINES))}"
        )
    return str(engine)


def missing_for_native() -> str:
    """Why the native engine cannot run in this installation, as a sentence; empty when it can."""
    from .native.machine import available

    return available()


def estimated_seconds(program: Program, sizes: Mapping[str, int], runs: int) -> float:
    """About how long the reference engine takes to run a program so many times.

    runs * (1.5 us * equations + flops / 80 GFLOP/s + bytes moved / 32 GB/s)

    On one core of 2021, for steps in planned buffers in float32, it gave (and was measured): for
    Adam on 20-64-2 in batches of 32 rows 0.13 ms (0.15), digits 64-64-10 0.16 (0.16), 784-128-10
    in 128 1.3 (1.2), 784-256-10 2.4 (2.4), 784-1024-10 in 512 25 (27), ten layers of 64 in 64 1.1
    (0.67); for SGD on 784-128-10 0.86 (0.94), on 20-16-2 row by row 0.05 (0.10).

    Args:
        program: A program.
        sizes: The lengths of its named axes.
        runs: How often it runs.
    """
    amount = sum((amount_of(equation).at(sizes) for equation in program.equations), Amount())
    seconds = SECONDS_PER_EQUATION * len(program.equations)
    seconds += SECONDS_PER_FLOP * _number(amount.flops) + SECONDS_PER_BYTE * _number(amount.moved)
    return runs * seconds


def chosen_engine(program: Program, sizes: Mapping[str, int], runs: int) -> str:
    """What "auto" means for work of these sizes: "reference" or "native".

    Work that the reference engine is estimated to end within `compiling_seconds` stays there.
    Twenty epochs of digits are 0.2 s of work, five of MNIST 784-128-10 in 128 are 2 to 3 s.
    Neither a cache nor a clock is asked, so the same work has the same engine, and the same bits,
    every time. Without Numba it is always "reference".

    Args:
        program: The training step.
        sizes: The lengths of its named axes.
        runs: The steps of the run.
    """
    if missing_for_native():
        return REFERENCE
    worth_it = estimated_seconds(program, sizes, runs) >= compiling_seconds(program)
    return NATIVE if worth_it else REFERENCE


def compiling_seconds(program: Program) -> float:
    """About how long it takes to compile a program the first time: 6 s (1 + equations / 400).

    A processor of 2021 took 4 to 9 s for the step of 784-256-10 with Adam (82 equations), 13 to 15
    for ten layers (406), and 18 for ten with batch norm and dropout (1,092), which are alike.
    """
    return SECONDS_TO_COMPILE * (1 + len(program.equations) / EQUATIONS_TO_DOUBLE)


def rows_not_worth_compiling(program: Program) -> int:
    """The most rows for which one run of a program is not worth compiling; see `chosen_engine`.

    Args:
        program: A program whose named axes all have the length of its rows.
    """
    none, one = (estimated_seconds(program, dict.fromkeys(program.axes, n), 1) for n in (0, 1))
    return int((compiling_seconds(program) - none) / max(one - none, 1e-12))


def _number(amount: Any) -> float:
    """A number of flops or bytes; an axis of unknown length counts for nothing."""
    return float(amount) if isinstance(amount, int | float) else 0.0


def native_steps(*arguments: Any) -> Any:
    """`pullback.engines.native.epoch.NativeSteps(*arguments)`, imported when it is used."""
    from .native.epoch import NativeSteps

    return NativeSteps(*arguments)


def native_executable(program: Program) -> Any:
    """`pullback.engines.native.execution.native_executable(program)`, imported when it is used."""
    from .native.execution import native_executable

    return native_executable(program)


# What an engine has to say.

_tell: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Inside, what an engine has to say (that it compiles) goes to `tell`; else to nobody.

    Example:
        >>> from pullback.engines.choice import notice, telling
        >>> with telling(print):
        ...     heard = notice("compiling")
        compiling
    """
    before = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(before)


def notice(line: str) -> bool:
    """Say one line to whoever listens; see `telling`. Whether anybody did."""
    tell = _tell.get()
    if tell is not None:
        tell(line)
    return tell is not None


def tell_of_compiling() -> None:
    """Say that a program is compiled, which takes long; on standard error where nobody listens."""
    if not notice(COMPILING):
        print(f"pullback: {COMPILING}", file=sys.stderr, flush=True)


def tell_of_reference(error: Exception) -> None:
    """Say that work runs on the reference engine, and why; as a warning where nobody listens."""
    line = f"This runs on the reference engine: {error}"
    if not notice(line):
        warn_user(line)
