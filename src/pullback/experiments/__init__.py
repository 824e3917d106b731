"""Experiments that answer the questions which the theory leaves open."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from ..errors import UsageError, nearest
from .report import Experiment, OnProgress, Report, Table
from .settings import settled

EXPERIMENTS = (
    "activations",
    "labels",
    "losses",
    "batches",
    "optimizers",
    "initializers",
    "spiral",
    "kinks",
)
"""The names that `compare` takes; each is a module of this folder."""

__all__ = ["EXPERIMENTS", "Experiment", "Report", "Table", "compare", "experiment"]


def experiment(name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        UsageError: When there is none.
    """
    if name not in EXPERIMENTS:
        raise UsageError(
            f"There is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}."
            f"{nearest(name, list(EXPERIMENTS))}"
        )
    return cast(Experiment, import_module(f".{name}", __name__))


def compare(
    name: str, *, quick: bool = False, on_progress: OnProgress | None = None, **settings: Any
) -> Report:
    """Run an experiment and return its numbers.

    Args:
        name: One of `EXPERIMENTS`.
        quick: Whether settings that are not given take their smallest useful values, which shows
            how it runs, not what is true.
        on_progress: Called with (parts done, parts in all).
        **settings: Of the experiment; `pullback.experiments.experiment(name).SETTINGS` has all of
            them with their defaults. Random starts are repeated over `seeds`, a list.

    Returns:
        Numbers, tables and two sentences on what was seen and why.

    Raises:
        UsageError: When there is no such experiment or setting, or a value cannot be used.

    Example:
        >>> import pullback as pb
        >>> report = pb.compare("kinks")
        >>> report.name
        'kinks'
    """
    chosen = experiment(name)
    checked = settled(name, chosen, quick, settings)
    return chosen.run(checked, on_progress or (lambda done, parts: None))
