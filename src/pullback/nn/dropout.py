"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..tracing import uniform_like, varying
from .protocol import Params, State, WithoutParameters
from .settings import number_in


@dataclass(frozen=True)
class Dropout(WithoutParameters):
    """Each entry is 0 with the probability `rate`, else divided by 1 - rate; in training only.

    The division keeps each entry's expectation, so prediction leaves the input as it is
    ("inverted" dropout). Which entries are dropped depends on seed, step and the entry's place
    in the whole batch alone; on plain arrays, outside a program, these are 0, so that each call
    drops the same entries.

    A difference to PyTorch's Dropout: there a rate of 1 is allowed, which leaves nothing to learn
    from. Rate 0 leaves every entry as it is in both.

    Args:
        rate: The probability, in [0, 1); varies without a new trace.

    Raises:
        UsageError: When the rate is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> y, _ = pb.nn.Dropout(0.5).apply({}, {}, np.ones((2, 4)), training=True)
        >>> sorted(set(y.ravel().tolist()))
        [0.0, 2.0]

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting
    (2014).
    """

    output_name: ClassVar[str] = "dropped"
    transparent: ClassVar[bool] = True

    rate: float

    def __post_init__(self) -> None:
        number_in("[)", 0, 1, "Dropout", "rate", self.rate)

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """x with dropped entries in training, x itself in prediction."""
        if not training:
            return x, state
        rate = varying(float(self.rate), "rate", x)
        kept = uniform_like(x) >= rate
        return np.where(kept, x / (1 - rate), 0.0), state
