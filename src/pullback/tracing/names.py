"""The name under which the user's own code stores a value, read from the calling frames.

After an operation returns, the caller's next instruction says where the value goes: a store
names it, a return hands it to the caller's caller. What the instruction promises is verified
before it counts: the variable must really hold the value when the next operation runs. An
unknown Python version, or code that keeps no such promise, means no name, never a wrong one.
"""

from __future__ import annotations

import dis
import sys
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from ..errors import is_internal

_STORES = {"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
_FUSED_STORES = {"STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}
_RETURNS = {"RETURN_VALUE"}
_LIBRARY_OF_FUNCTIONS = (
    "pullback.nn",
    "pullback.losses",
    "pullback.optim",
    "pullback.training",
    "pullback.explaining.notes",
)
"""Parts of Pullback that are ordinary functions, traced like the user's own."""


@dataclass(frozen=True)
class Promise:
    """The frame and variable that will hold a value."""

    frame: FrameType
    variable: str

    def holds(self, value: Any) -> bool:
        """Whether the variable is the value by now."""
        return self.frame.f_locals.get(self.variable) is value


@dataclass(frozen=True)
class _Next:
    """What follows an instruction: the variable stored to, and whether the value is returned."""

    variable: str | None
    returned: bool


def promises() -> list[Promise]:
    """Where the value of the running operation will be stored, the outermost caller first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _names_values(frame):
        frame = frame.f_back
    found: list[Promise] = []
    while frame is not None and _names_values(frame):
        following = _following(frame.f_code).get(frame.f_lasti)
        if following is None:
            break
        if following.variable is not None and following.variable.isidentifier():
            found.insert(0, Promise(frame, following.variable))
        if not following.returned:
            break
        frame = frame.f_back
    return found


def _names_values(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    return not is_internal(frame) or module.startswith(_LIBRARY_OF_FUNCTIONS)


@lru_cache(maxsize=1024)
def _following(code: CodeType) -> dict[int, _Next]:
    """For each offset into a code object, what happens to the value its instruction leaves.

    A frame that waits for a Python call stands at the last inline cache of the call, so all
    offsets up to the next instruction count.
    """
    instructions = list(dis.get_instructions(code))
    found = {}
    for position, instruction in enumerate(instructions[:-1]):
        following = _next_use(instructions[position + 1 : position + 4])
        if following is not None:
            end = instructions[position + 1].offset
            found.update(dict.fromkeys(range(instruction.offset, end, 2), following))
    return found


def _next_use(rest: list[dis.Instruction]) -> _Next | None:
    if not rest:
        return None
    first = rest[0]
    if first.opname in _RETURNS:
        return _Next(None, returned=True)
    if first.opname in _FUSED_STORES and isinstance(first.argval, tuple):
        loads_it_again = first.opname == "STORE_FAST_LOAD_FAST" and len(set(first.argval)) == 1
        returned = loads_it_again and len(rest) > 1 and rest[1].opname in _RETURNS
        return _Next(first.argval[0], returned)
    if first.opname in _STORES:
        returned = (
            len(rest) > 2
            and rest[1].opname.startswith("LOAD_")
            and rest[1].argval == first.argval
            and rest[2].opname in _RETURNS
        )
        return _Next(first.argval, returned)
    return None


def variable_holding(value: Any) -> str | None:
    """The name of the user's variable that is this very object: local, enclosing or global."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _names_values(frame):
        frame = frame.f_back
    if frame is None:
        return None
    for scope in (frame.f_locals, frame.f_globals):
        for name, held in list(scope.items()):
            if held is value and name.isidentifier() and not name.startswith("_"):
                return name
    return None
