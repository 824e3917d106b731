"""What an engine offers to the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..workload import Case, Workload


@dataclass(frozen=True)
class Trained:
    """What a run from the initial weights gave.

    Attributes:
        seconds: Of each epoch.
        layers: The learned values as `Case.layers` has the initial ones.
    """

    seconds: list[float]
    layers: list[dict[str, Any]]


Train = Callable[[int], Trained]
"""A number of epochs -> the run from the case's initial weights; called again, it starts anew."""

Predict = Callable[[Any], Any]
"""float32 rows of shape (rows, columns) -> labels of shape (rows,)."""


class Engine(Protocol):
    """One way to train and to predict."""

    def version(self) -> str:
        """Of its library."""

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """The ways it has to do a workload, of which the fastest counts; none: it cannot."""

    def trainer(self, case: Case, flavour: str) -> Train:
        """What trains a case, in float32, on rows in their order."""

    def predictor(self, case: Case) -> Predict:
        """What predicts with the case's initial weights."""
