"""The identities that simplification may use, each under the condition its docstring states.

They apply to the derived part of a program only; what the user wrote stays as written.
"""

from __future__ import annotations

from functools import wraps

from ...program import FORWARD, Atom, Equation
from ..simplify import Identity, Rewriter
from .arithmetic import ARITHMETIC
from .factors import FACTORS
from .layout import LAYOUT


def _derived_only(identity: Identity) -> Identity:
    @wraps(identity)
    def guarded(rewriter: Rewriter, equation: Equation) -> Atom | None:
        return None if equation.stage == FORWARD else identity(rewriter, equation)

    return guarded


IDENTITIES: list[Identity] = [_derived_only(i) for i in (*LAYOUT, *ARITHMETIC, *FACTORS)]
"""All identities, in the order in which they are tried."""
