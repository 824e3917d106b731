"""`pullback train DATA`: derive, check, train, and leave a run folder behind."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .. import __version__
from ..data import BUILTIN, Classes, Dataset, column_names, load, split
from ..errors import DataError, MissingExtraError
from ..losses.losses import LOSSES
from ..nn.layers import ACTIVATIONS
from ..optim.sgd import OPTIMIZERS
from ..training import Prepared, prepare
from . import options as words
from .console import console_for, printable
from .display import heading, show_check, show_data, show_derivation, show_network
from .folder import run_folder
from .per_class import evaluate, per_class
from .progress import watched
from .report import show_classes, show_folder, show_results

ROWS_CHECKED = 8

DATA_HELP = f"{', '.join(BUILTIN)}; a .csv file; or a folder of IDX files such as MNIST's."


@dataclass(frozen=True)
class Command:
    """The words of the command, as they were given."""

    data: str
    target: str | None
    separator: str
    hidden: list[str]
    activation: str
    loss: str
    reduction: str
    optimizer: str
    learning_rate: float | None
    batch_size: str
    epochs: int
    seed: int
    held_out: float
    scaling: str
    dtype: str
    out: str | None


def train(
    data: Annotated[str, typer.Argument(help=DATA_HELP, metavar="[DATA]")] = "digits",
    target: Annotated[
        str | None, typer.Option(help="The column of labels of a CSV file.", metavar="COLUMN")
    ] = None,
    separator: Annotated[
        str, typer.Option(help="The character between the cells of a CSV file.", metavar="CHAR")
    ] = ",",
    hidden: Annotated[
        list[str] | None,
        typer.Option(
            help="Units of each hidden layer, such as 64,32; none: a linear model.",
            metavar="UNITS",
            show_default="64",
        ),
    ] = None,
    activation: Annotated[
        str, typer.Option(metavar="|".join(ACTIVATIONS), help="Between two layers.")
    ] = "relu",
    loss: Annotated[
        str, typer.Option(metavar="|".join(LOSSES), help="What training makes small.")
    ] = "cross-entropy",
    reduction: Annotated[
        str,
        typer.Option(
            metavar="|".join(words.REDUCTIONS), help="Of the loss, over the rows of a step."
        ),
    ] = "mean",
    optimizer: Annotated[
        str, typer.Option(metavar="|".join(OPTIMIZERS), help="The update rule.")
    ] = "sgd",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="When not given, a rule of loss and batch size chooses it, and it is shown.",
        ),
    ] = None,
    batch_size: Annotated[
        str, typer.Option(metavar="full|NUMBER", help="Rows per step; 1 is one row at a time.")
    ] = "32",
    epochs: Annotated[
        int, typer.Option(metavar="NUMBER", help="How often every row is seen.")
    ] = 50,
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", help="Same seed, same result to the last bit.")
    ] = 0,
    held_out: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Of the rows, kept for the test; IDX brings its own."),
    ] = 0.2,
    scaling: Annotated[
        str,
        typer.Option(
            metavar="|".join(words.SCALING_CHOICES),
            help="Of the inputs; auto: unit for images, else standard.",
        ),
    ] = "auto",
    dtype: Annotated[
        str, typer.Option(metavar="|".join(words.DTYPES), help="Of all floating numbers.")
    ] = "float32",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the run is saved: a new or an empty folder.",
            show_default="the next of runs/0001, runs/0002, ...",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the name of the run folder only.")
    ] = False,
) -> None:
    """Derive a network's backward pass, check it, train it, and save the run.

    \b
    Examples:
      pullback train
      pullback train iris --hidden 16,8 --epochs 100
      pullback train flowers.csv --target kind --separator ';'
      pullback train path/to/mnist --hidden 128 --batch-size 128 --epochs 5
      pullback train digits --batch-size 1 --epochs 3
      pullback train wine --hidden none --batch-size full --learning-rate 0.5
    """
    command = Command(
        data=data,
        target=target,
        separator=separator,
        hidden=hidden or ["64"],
        activation=activation,
        loss=loss,
        reduction=reduction,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        seed=seed,
        held_out=held_out,
        scaling=scaling,
        dtype=dtype,
        out=None if out is None else str(out),
    )
    _train(command, quiet)


def _train(command: Command, quiet: bool) -> None:
    _require("matplotlib", "safetensors")
    settings = words.checked(asdict(command))
    data, own_test = _data(command, settings)
    prepared = _prepared(command, settings, data)
    out = None if command.out is None else Path(command.out)
    with run_folder(out) as folder:
        console = console_for(sys.stdout, quiet)
        show_data(console, data, prepared, own_test)
        show_network(console, prepared)
        show_derivation(console, prepared)
        rows = min(ROWS_CHECKED, len(data.X))
        show_check(console, prepared.check(rows), rows)
        heading(console, "TRAINED", "loss and accuracy of the training rows, as they go by")
        with watched(console) as watch:
            run = prepared.run(watch)
        console.print()

        results = [evaluate(run.model, settings.loss, X, y) for X, y in _sets(data)]
        show_results(console, run, *results)
        assert run.model.classes is not None
        test = results[1]
        show_classes(console, per_class(test.truth, test.predicted, run.model.classes.labels))

        replace(run, settings={**run.settings, **_provenance(command, data)}).save(folder)
        from .pictures import save_pictures

        save_pictures(folder, run, test, settings.loss.reduction, data.X, data.image_shape)
        show_folder(console, folder, command.data, command.separator)
    if quiet:
        print(folder)


def _data(command: Command, settings: words.Settings) -> tuple[Dataset, bool]:
    """The data set with a held-out set, and whether that came with it."""
    path, target = Path(command.data), command.target
    if path.suffix.lower() == ".csv" and path.is_file() and target is None:
        columns = ", ".join(map(printable, column_names(path, separator=command.separator)[:20]))
        raise DataError(f"{path} needs --target COLUMN, the column of labels; it has: {columns}.")
    data = load(command.data, target, separator=command.separator)
    Classes.of(data.y)  # one class is a clearer complaint than what a split would make of it
    return split(data, settings.held_out, settings.seed), data.X_test is not None


def _prepared(command: Command, settings: words.Settings, data: Dataset) -> Prepared:
    images = data.image_shape is not None
    info: dict[str, Any] = {"data": data.name, "feature_names": list(data.feature_names)}
    info |= {"image_shape": list(data.image_shape)} if data.image_shape else {}
    info |= {"target": command.target} if command.target else {}
    return prepare(
        settings.network(len(np.unique(data.y))),
        data.X,
        data.y,
        loss=settings.loss,
        optimizer=settings.optimizer,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        seed=settings.seed,
        validation=(data.X_test, data.y_test),
        scaling=settings.scaling_of(images),
        task="classification",
        dtype=settings.dtype,
        info=info,
    )


def _sets(data: Dataset) -> list[tuple[Any, Any]]:
    return [(data.X, data.y), (data.X_test, data.y_test)]


def _provenance(command: Command, data: Dataset) -> dict[str, Any]:
    """What settings.json records beside the settings of the training itself."""
    assert data.X_test is not None
    return {
        "data": {"name": data.name, "rows_to_test": len(data.X_test)},
        "command": asdict(command),
        "versions": {
            "pullback": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _require(*libraries: str) -> None:
    """Refuse to begin what could not be saved at the end."""
    for name in libraries:
        if find_spec(name) is None:
            raise MissingExtraError(f"Training here needs {name}: pip install 'pullback[cli]'.")
