"""What a command is about to train: its data, its settings, and what a run folder gets of them."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data import Dataset, split
from ..errors import MissingExtraError
from ..storage import write_atomic
from ..training import Callback, Prepared, Run, prepare
from . import options
from .command import Command
from .folder import SETTINGS
from .task import Task, task_of

Rows = tuple[Any, Any]

EXTRAS = {"tensorboardX": "tensorboard"}
"""Libraries that the extra "cli" does not bring."""


@dataclass(frozen=True)
class Work:
    """A run before its first step, and the rows that it is measured on.

    Attributes:
        command: The words.
        settings: What they mean.
        targets: What the targets are taken as, in words; empty for sets that hold classes.
        data: The rows to learn from, and the test rows.
        own_test: Whether the test rows came with the data.
        validation: The rows that were held out to watch; None without.
        prepared: The run.
    """

    command: Command
    settings: options.Settings
    targets: str
    data: Dataset
    own_test: bool
    validation: Rows | None
    prepared: Prepared

    @property
    def sets(self) -> dict[str, Rows]:
        """Inputs and answers to learn from, to watch and to test, by name."""
        watched = {} if self.validation is None else {"validation": self.validation}
        return {
            "train": (self.data.X, self.data.y),
            **watched,
            "test": (self.data.X_test, self.data.y_test),
        }

    @property
    def names(self) -> list[Any]:
        """What the classes, the labels or the target columns are called."""
        classes = self.prepared.classes
        return list(self.data.target_names) if classes is None else classes.labels.tolist()

    def callbacks(self, folder: Path) -> list[Callback]:
        """What steers and records the run."""
        chosen = list(self.settings.callbacks)
        if self.command.tensorboard:
            from ..training.tensorboard import TensorBoard

            chosen.append(TensorBoard(folder / "tensorboard"))
        return chosen

    def save_settings(self, folder: Path) -> None:
        """Write settings.json, from which the run can be resumed or repeated.

        Raises:
            StorageError: When it cannot be written.
        """
        text = json.dumps({**self.prepared.settings, **self._provenance}, indent=1) + "\n"
        write_atomic(folder / SETTINGS, text)

    def save(self, run: Run, folder: Path) -> None:
        """Write the model, its history, its settings and its step.

        Raises:
            StorageError: When a file cannot be written.
        """
        replace(run, settings={**run.settings, **self._provenance}).save(folder)

    @property
    def _provenance(self) -> dict[str, Any]:
        """What settings.json records beside the settings of the training itself."""
        assert self.data.X_test is not None
        return {
            "data": {"name": self.data.name, "rows_to_test": len(self.data.X_test)},
            "command": asdict(self.command),
            "versions": {
                "pullback": __version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }


def work_of(command: Command) -> Work:
    """Load the data and prepare the run that a command asks for.

    Raises:
        UsageError: When a word is not allowed.
        DataError: When the data cannot be used.
    """
    settings = options.checked(command)
    task = task_of(command)
    data = split(task.data, settings.held_out, settings.seed)
    own_test = task.data.X_test is not None
    data, validation = _watched(data, settings)
    prepared = _prepared(settings, task, data, validation)
    return Work(command, settings, task.told, data, own_test, validation, prepared)


def require(*libraries: str) -> None:
    """Refuse to begin what could not be saved at the end."""
    for name in libraries:
        if find_spec(name) is None:
            extra = EXTRAS.get(name, "cli")
            raise MissingExtraError(f"Training here needs {name}: pip install 'pullback[{extra}]'.")


def _watched(data: Dataset, settings: options.Settings) -> tuple[Dataset, Rows | None]:
    """The data without the rows that are held out to watch, and these rows."""
    if settings.validation is None:
        return data, None
    parts = split(replace(data, X_test=None, y_test=None), settings.validation, settings.seed)
    kept = replace(data, X=parts.X, y=parts.y)
    return kept, (parts.X_test, parts.y_test)


def _prepared(
    settings: options.Settings, task: Task, data: Dataset, validation: Rows | None
) -> Prepared:
    images, labelled = data.image_shape is not None, data.y.ndim == 1
    info: dict[str, Any] = {"data": data.name, "feature_names": list(data.feature_names)}
    info |= {"image_shape": list(data.image_shape)} if data.image_shape else {}
    info |= {"target_names": list(data.target_names)} if data.target_names else {}
    return prepare(
        settings.network(len(np.unique(data.y)) if labelled else data.y.shape[1]),
        data.X,
        data.y,
        **settings.training,
        loss=task.loss,
        task="classification" if labelled else "regression",
        validation=validation or (data.X_test, data.y_test),
        scaling=settings.scaling_of(images),
        target_scaling=settings.target_scaling_of(task.loss, labelled),
        info=info,
    )
