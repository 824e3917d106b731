"""This project: `pb.train` with each of its engines, through the public interface alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from ...errors import UsageError
from ...training import Callback, Prepared, Training
from ...training.settings import Settings
from ..workload import Case, Workload
from .protocol import Predict, Train, Trained


class Clock(Callback):
    """Notes when each epoch ends, its record written: what a user waits for."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_epoch(self, training: Training, record: Mapping[str, float]) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())

    @property
    def seconds(self) -> list[float]:
        """Of each epoch; the record of the start is what the first is measured from."""
        return np.diff(self.times).tolist()


class Ours:
    """The engine `native` or `reference`."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name != "reference" and not hasattr(Settings(), "engine"):
            raise ImportError("this version has no native engine", name="pullback.engines.native")

    def version(self) -> str:
        """The project's own."""
        return version("pullback")

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """One: the engine chooses for itself."""
        return ("",)

    def trainer(self, case: Case, flavour: str) -> Train:
        """`prepare(...).run(...)`, with all that it writes down."""
        prepared = self._prepared(case)

        def train(epochs: int) -> Trained:
            clock = Clock()
            chosen = prepared if epochs == case.workload.epochs else self._prepared(case, epochs)
            run = chosen.run(callbacks=[clock])
            ran = run.settings["engine"]
            if ran != self.name:
                raise UsageError(f"engine={self.name!r} was asked for, {ran!r} has run.")
            return Trained(clock.seconds, layers_of(case, run.model.params))

        return train

    def predictor(self, case: Case) -> Predict:
        """`model.predict`."""
        model = self._prepared(case).model()
        return model.with_engine(self.name).predict

    def _prepared(self, case: Case, epochs: int | None = None) -> Prepared:
        given = {"engine": self.name} if hasattr(Settings(), "engine") else {}
        return case.prepared(epochs=epochs or case.workload.epochs, **given)


def layers_of(case: Case, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameters by name as `Case.layers` has the initial ones."""
    return [
        {kind: np.asarray(params[f"{kind}{number}"]) for kind in layer}
        for number, layer in enumerate(case.layers, start=1)
    ]


def engine(name: str) -> Ours:
    """The engine of a name."""
    if name not in ("native", "reference"):
        raise UsageError(f"There is no engine {name!r} of this project.")
    return Ours(name)
