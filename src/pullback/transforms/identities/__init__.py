"""The identities that simplification may use, each under the condition its docstring states."""

from __future__ import annotations

from ..simplify import Identity
from .arithmetic import ARITHMETIC
from .factors import FACTORS
from .layout import LAYOUT

IDENTITIES: list[Identity] = [*LAYOUT, *ARITHMETIC, *FACTORS]
"""All identities, in the order in which they are tried."""
