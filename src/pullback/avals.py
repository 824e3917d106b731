"""Abstract values: what is known of an array before it has numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .dims import Shape, format_shape

Dtype = np.dtype[Any]

WEAK_KINDS: dict[type, str] = {bool: "b1", int: "i8", float: "f8"}
"""Python's own numbers take part in NumPy's promotion without widening arrays."""


@dataclass(frozen=True)
class Aval:
    """The dtype and shape of a value; `weak` marks a Python number (float, int or bool).

    Shapes hold ints and named axes. A weak value is a scalar and follows NumPy's rule for
    Python numbers (NEP 50): `2.0 * x` keeps the float32 of x.
    """

    dtype: Dtype
    shape: Shape = ()
    weak: bool = False

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether it can carry a gradient."""
        return self.dtype.kind == "f"

    @property
    def promotion_type(self) -> Dtype | type:
        """What NumPy's promotion sees: the dtype, or the Python type of a weak number."""
        if not self.weak or self.dtype.kind == "b":
            return self.dtype
        return {"i": int, "f": float}[self.dtype.kind]

    def with_dtype(self, dtype: Dtype) -> Aval:
        """The same shape in another dtype, no longer weak."""
        return Aval(dtype, self.shape)

    def __str__(self) -> str:
        if self.weak:
            return {"b": "bool", "i": "int", "f": "float"}[self.dtype.kind]
        return f"{dtype_code(self.dtype)}[{', '.join(map(str, self.shape))}]"

    @property
    def shape_text(self) -> str:
        """The shape as people write it: (N, 10)."""
        return format_shape(self.shape)


def dtype_code(dtype: Dtype) -> str:
    """The two-letter code of a dtype: f4, f8, i8, b1."""
    return f"{dtype.kind}{dtype.itemsize}"


def aval_of(value: Any) -> Aval:
    """The abstract value of a number or array. A Python number is weak."""
    if type(value) in WEAK_KINDS:
        return Aval(np.dtype(WEAK_KINDS[type(value)]), (), weak=True)
    array = np.asarray(value)
    return Aval(array.dtype.newbyteorder("="), array.shape)
