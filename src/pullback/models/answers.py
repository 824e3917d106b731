"""What a model's program says of rows, on the engine that their number or the model asks for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engines import choice
from ..engines.blas import one_blas_thread
from ..engines.choice import AUTO, NATIVE
from ..engines.native import NotCompilable
from ..engines.reference import executable
from ..errors import UsageError
from ..lazy import cached_property
from ..program import Program
from ..tracing import trace_avals

if TYPE_CHECKING:
    from ..engines.native.calls import Calls
    from ..engines.native.execution import NativeExecutable

ROWS_AT_ONCE = 4096
"""What takes memory for each row is computed for so many of them at once."""

NONE, EVERYTHING = -1, sys.maxsize


class Answers:
    """One program of a model, ready to be asked.

    Args:
        program: (x, params) -> an array with an entry or more for each row of x.
        engine: "reference", "native", or "auto": native for calls that are large enough to
            repay compiling; see `chosen_engine`.

    Attributes:
        dtype: Of the rows.
        columns: How many numbers a row has.
    """

    def __init__(self, program: Program, engine: str) -> None:
        self._program, self._engine = program, engine
        rows = program.inputs[0].aval
        self.dtype, self.columns = rows.dtype, rows.shape[1]
        self._params: list[Any] = []
        self._calls: Calls | None = None
        self._in_parts = False

    def of(self, rows: Any, params: Mapping[str, Any]) -> Any:
        """What the program says of the rows; None when a number among them is not finite.

        A program that cannot be compiled runs on the reference engine, with one notice.

        Args:
            rows: (rows, columns) of the program's dtype.
            params: The parameters by name. They are not copied; other ones are seen.
        """
        if self._is_native(len(rows)):
            try:
                calls = self._calls
                if calls is None or not self._are_bound(params):
                    calls = self._bound(rows, params)
                if self._in_parts and len(rows) > ROWS_AT_ONCE:
                    return self._joined(calls, rows)
                answers, nothing = calls((rows,))
                return None if nothing else answers
            except NotCompilable as error:
                self._most_on_reference = EVERYTHING
                choice.tell_of_reference(error)
        return self._on_reference(rows, params) if bool(np.isfinite(rows).all()) else None

    def again(self, X: Any, params: Mapping[str, Any]) -> Any:
        """What `of` says of an array of a shape that it has met, in the fewest microseconds.

        None when `of` has to look at it.
        """
        calls = self._calls
        if calls is None or type(X) is not np.ndarray or X.dtype != self.dtype:
            return None
        pool = calls.pools.get((X.shape,))
        # A part of more rows may have had this shape, which does not tell the engine for it alone.
        if pool is None or len(X) <= self._most_on_reference or not self._are_bound(params):
            return None
        answers, nothing = pool((X,))
        return None if nothing else answers

    def _are_bound(self, params: Mapping[str, Any]) -> bool:
        """Whether these are the arrays that compiled code was given."""
        known = self._params
        return len(known) == len(params) and all(map(is_, params.values(), known))

    def _is_native(self, count: int) -> bool:
        if count <= self._most_on_reference:
            return False
        if self._engine == AUTO and self._calls is None and choice.missing_for_native():
            self._most_on_reference = EVERYTHING
            return False
        return True

    @cached_property
    def _most_on_reference(self) -> int:
        """So many rows the reference engine is asked."""
        if self._engine == AUTO:
            return choice.rows_not_worth_compiling(self._program)
        return NONE if self._engine == NATIVE else EVERYTHING

    def _on_reference(self, rows: Any, params: Mapping[str, Any]) -> Any:
        run, params = executable(self._program), dict(params)
        with one_blas_thread():  # two threads add up in another order
            parts = [
                run(rows[start : start + ROWS_AT_ONCE], params)
                for start in range(0, max(len(rows), 1), ROWS_AT_ONCE)
            ]
        return np.concatenate(parts)

    # Native.

    @staticmethod
    def _joined(calls: Calls, rows: Any) -> Any:
        """What the program says of some rows after the other."""
        parts = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            answers, nothing = calls((rows[start : start + ROWS_AT_ONCE],))
            if nothing:
                return None
            parts.append(answers)
        return np.concatenate(parts)

    def _bound(self, rows: Any, params: Mapping[str, Any]) -> Calls:
        """The compiled program with these parameters."""
        values = self.compiled.checked(rows, dict(params))
        calls = self.compiled.fixed({i: value for i, value in enumerate(values) if i})
        self._in_parts = not calls.is_tiled
        # A copy would not see what is written to the parameters later.
        if not calls.copies:
            self._calls, self._params = calls, list(params.values())
        return calls

    @cached_property
    def compiled(self) -> NativeExecutable:
        """The program and, in the same pass over the rows, whether they are all finite.

        Raises:
            NotCompilable: When an equation has no loops; the error names it.
        """
        from ..engines.native.execution import NativeExecutable

        run = executable(self._program)
        x, *params = (var.aval for var in self._program.argument_inputs)
        names = self._program.arguments[1].structure.keys
        avals = {"x": x, "params": dict(zip(names, params, strict=True))}

        def answers_and_check(x: Any, params: Any) -> Any:
            # A finite number times 0 is 0, NaN and infinity give NaN.
            return run(x, params), np.sum(x * 0.0)

        return NativeExecutable(trace_avals(answers_and_check, avals, self._program.name))


def checked_for_native(program: Program) -> Answers:
    """The program on the native engine.

    Raises:
        UsageError: When it cannot be compiled; the error names the equation.
    """
    answers = Answers(program, NATIVE)
    try:
        answers.compiled  # noqa: B018 (it is kept there)
    except NotCompilable as error:
        raise UsageError(f"engine='native': {error}") from error
    return answers
