"""A value that a line of a backward pass stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..lazy import cached_property
from .statements import Statement
from .sweeping import as_floats

Path = tuple[str | int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Stored:
    """A value that a line stored.

    Attributes:
        number: Its place in the order of storing; -1 for what was given.
        name: The variable as it is written: dh, grads['W1'].
        statement: What stored it.
        snapshot: A copy of the value as it was then.
        inputs: The values that it was computed from.
        may_read: Values of containers that were read as a whole, each perhaps.
        given: Whether it is an argument of the backward pass.
        renamed: Whether the statement only gave another name to its one input.
    """

    number: int
    name: str
    statement: Statement | None
    snapshot: Any
    inputs: tuple[Stored, ...] = ()
    may_read: tuple[Stored, ...] = ()
    given: bool = False
    renamed: bool = False

    def __repr__(self) -> str:
        return f"<{self.name} #{self.number}>"

    @cached_property
    def value(self) -> Any:
        """It as an array of float64; masks as zeros and ones."""
        return as_floats(self.snapshot)

    @property
    def is_mask(self) -> bool:
        """Whether it is an array of booleans."""
        return bool(self.snapshot.dtype.kind == "b")

    @property
    def variable(self) -> str:
        """The variable without what stands before it: W1 of grads['W1'], dh of self.dh."""
        return self.name.rpartition("['")[2].rstrip("']").rpartition(".")[2]


def as_written(path: Path) -> str:
    """A path as code would write it: grads['W1'], deltas[0], self.dW (an attribute: ".dW")."""
    text = str(path[0])
    for key in path[1:]:
        is_attribute = isinstance(key, str) and key.startswith(".")
        text += str(key) if is_attribute else f"[{key!r}]"
    return text
