"""Settings of rules and schedules: their ranges, and how they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from ..errors import UsageError
from ..numbers import is_number, is_whole_number


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be.

    Attributes:
        text: The range in words, for messages: "in [0, 1)".
        holds: Whether a finite number lies in it.
        whole: Whether it holds whole numbers only.
        optional: Whether None is allowed too.
    """

    text: str
    holds: Callable[[float], bool]
    whole: bool = False
    optional: bool = False

    def checked(self, setting: str, value: Any) -> Any:
        """The value as a Python number; raises `UsageError`, which names the setting."""
        if value is None and self.optional:
            return None
        fits = is_whole_number(value) if self.whole else True
        if not (fits and is_number(value)) or not math.isfinite(value) or not self.holds(value):
            raise UsageError(f"{setting}: it must be {self.text}.")
        return int(value) if self.whole else float(value)


ABOVE_0 = Range("a finite number above 0", lambda x: x > 0)
ABOVE_0_OR_NONE = Range("a finite number above 0, or None", lambda x: x > 0, optional=True)
AT_LEAST_0 = Range("a finite number of at least 0", lambda x: x >= 0)
AT_LEAST_1 = Range("a finite number of at least 1", lambda x: x >= 1)
FROM_0_BELOW_1 = Range("in [0, 1)", lambda x: 0 <= x < 1)
FROM_0_TO_1 = Range("in [0, 1]", lambda x: 0 <= x <= 1)
COUNT = Range("a whole number of at least 1", lambda x: x >= 1, whole=True)
COUNT_OR_NONE = Range(
    "a whole number of at least 1, or None", lambda x: x >= 1, whole=True, optional=True
)


class Checked:
    """Base of the rules and schedules: frozen dataclasses whose settings have ranges."""

    ranges: ClassVar[dict[str, Range]] = {}

    def __post_init__(self) -> None:
        for name, allowed in self.ranges.items():
            value = getattr(self, name)
            setting = f"{type(self).__name__}({name}={value!r})"
            object.__setattr__(self, name, allowed.checked(setting, value))

    def __repr__(self) -> str:
        """As one would write it: what has no default, what was chosen, and the learning rate."""
        parts = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.default is MISSING:
                parts.append(repr(value))
            elif value != field.default or (field.name == "learning_rate" and value is not None):
                parts.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"
