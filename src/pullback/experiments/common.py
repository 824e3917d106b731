"""What several experiments need: data, networks of a depth, and ways to go through their cases."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..data import Dataset, load_builtin, split
from ..errors import TrainingError, UsageError, nearest
from ..nn import Dense, Layer, Sequential
from ..nn.initializers import Weights
from ..nn.layers import ACTIVATIONS
from ..training import Callback, Prepared, Progress, Run, Training
from .report import OnProgress

Case = TypeVar("Case")
Record = Mapping[str, Any]

KNOWING_NOTHING = math.log(10)
"""The cross-entropy of the same probability for each of the ten digits."""


def digits() -> Dataset:
    """The 1,797 digits of 8 x 8 pixels; a fifth of them, always the same ones, held out."""
    return split(load_builtin("digits"), 0.2, seed=0)


def one_of(kind: str, name: str, registry: Mapping[str, Case]) -> Case:
    """What has this name; `UsageError` when nothing has."""
    if name not in registry:
        raise UsageError(
            f"There is no {kind} {name!r}; allowed are {', '.join(registry)}."
            f"{nearest(name, list(registry))}"
        )
    return registry[name]


def activation(name: str) -> Layer:
    """The activation of a name, with its default settings; `UsageError` when there is none."""
    return one_of("activation", name, ACTIVATIONS)()


def stack(
    depth: int, units: int, between: str, outputs: int, weights: Weights | None = None
) -> Sequential:
    """A network of `depth` Dense layers, an activation between each two.

    Args:
        depth: How many Dense layers, at least 1.
        units: Of each hidden layer.
        between: The name of the activation.
        outputs: Units of the last layer.
        weights: The initial weights of every Dense layer; what suits the activation when None.
    """
    layers: list[Any] = []
    for _ in range(depth - 1):
        layers += [Dense(units, weights=weights), activation(between)]
    return Sequential(*layers, Dense(outputs, weights=weights))


class Snapshots(Callback):
    """Keeps the parameters after chosen numbers of updates.

    Args:
        moments: The numbers of updates; 0 is before the first.
    """

    def __init__(self, moments: Sequence[int]) -> None:
        self.moments = frozenset(moments)
        self.params: dict[int, Mapping[str, Any]] = {}

    def on_begin(self, training: Training) -> None:
        """Keep the initial parameters, if they are wanted."""
        self._keep(training)

    def on_step(self, training: Training, progress: Progress) -> None:
        """Keep the parameters, if they are wanted."""
        self._keep(training)

    def _keep(self, training: Training) -> None:
        if training.updates in self.moments:
            self.params[training.updates] = training.params


def trained(prepared: Prepared, callbacks: Sequence[Callback] = ()) -> tuple[Run, bool]:
    """The run, and whether it diverged; then it ends with the last good weights."""
    try:
        return prepared.run(list(callbacks)), False
    except TrainingError as error:
        run: Run = error.run
        return run, True


def accuracy(run: Run, data: Dataset) -> float:
    """The share of held-out rows that are taken for what they are."""
    with np.errstate(all="ignore"):  # of weights far out, logits overflow
        return float(np.mean(run.model.predict(data.X_test) == data.y_test))


def each(cases: Sequence[Case], on_progress: OnProgress) -> Iterator[Case]:
    """The cases one after the other, telling how many are done."""
    on_progress(0, len(cases))
    for done, case in enumerate(cases, 1):
        yield case
        on_progress(done, len(cases))


def where(records: Sequence[Record], **wanted: Any) -> list[Record]:
    """The records that have these values."""
    return [r for r in records if all(r[name] == value for name, value in wanted.items())]


def middle(values: Sequence[float]) -> float:
    """The median, over seeds mostly."""
    return float(statistics.median(values))


def percent(share: float) -> str:
    """A share as text: 0.125 is 12.5 %."""
    return f"{100 * share:.3g} %"
