"""`pullback predict RUN DATA`: a trained model's predictions as CSV."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..data import BUILTIN, load, read_features
from ..data.csv import read_targets
from ..data.table import Table, open_table
from ..errors import DataError, StorageError, UsageError, printable
from ..models import Model
from ..models import load as load_model
from ..storage import write_atomic
from ..training.results import NUMBER_WORDS, OfNumbers, scored
from .report import readable


@dataclass(frozen=True)
class Rows:
    """What is to be predicted.

    Attributes:
        X: Numbers of shape (rows, columns).
        truth: Of a model of classes, the right one of each row as the model writes it, "" where it
            is not known; else numbers of shape (rows, columns), NaN where they are not known.
            None when none is known.
        name: What these rows are.
        unscored: Why the truth that is there cannot be compared; mostly empty.
    """

    X: Any
    truth: Any
    name: str
    unscored: str = ""


def predict(
    run: Annotated[
        str, typer.Argument(help="A run folder, or a model.safetensors.", metavar="RUN")
    ],
    data: Annotated[
        str,
        typer.Argument(
            help="A .csv file with the model's columns; a folder of IDX files (its test images); "
            f"or {', '.join(BUILTIN)}.",
            metavar="DATA",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write here instead of to standard output."),
    ] = None,
    proba: Annotated[
        bool,
        typer.Option("--proba", help="Add a column with the probability of each class or label."),
    ] = False,
    separator: Annotated[
        str, typer.Option(help="The character between the cells of a CSV file.", metavar="CHAR")
    ] = ",",
    force: Annotated[
        bool, typer.Option("--force", help="Write even if the --out file exists.")
    ] = False,
) -> None:
    """Predict the class, the labels or the numbers of each row of DATA, as CSV.

    The columns are row, counted from 1, and prediction; with several targets, prediction_NAME for
    each. Numbers are in the unit of the target, for counts they are rates; labels are 1 or 0.
    Where DATA has the target columns too, the scores go to standard error.

    \b
    Examples:
      pullback predict runs/0001 new.csv
      pullback predict runs/0001 new.csv --proba --out answers.csv
    """
    if out is not None and out.exists() and not force:
        raise StorageError(f"{out} exists already: choose another file or add --force.")
    model = load_model(run)
    if proba and "probabilities" not in model.programs:
        how = "; train it with --loss cross-entropy" if model.classes else ": it predicts numbers"
        raise UsageError(f"The model of {run} gives no probabilities{how}.")
    rows = _rows(model, data, separator)
    predicted = np.asarray(model.predict(rows.X))
    text = _csv(model, predicted, model.predict_proba(rows.X) if proba else None)
    if out is not None:
        write_atomic(out, text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
    _report(model, predicted, rows)


def _rows(model: Model, data: str, separator: str) -> Rows:
    path = Path(data)
    names = tuple(model.info.get("feature_names", ()))
    if path.suffix.lower() == ".csv" and not path.is_dir():
        if not names:
            raise DataError("The model does not know the names of its columns, which CSV needs.")
        table = open_table(path, separator)
        X = read_features(table, names)
        try:
            return Rows(X, _truth(model, table), data)
        except DataError as error:  # what is asked for can be given all the same
            return Rows(X, None, data, str(error))
    found = load(data)
    if names and found.feature_names != names:
        raise DataError(
            f"{data} does not have the columns that the model was trained on: it has "
            f"{len(found.feature_names)}, the model {len(names)}."
            if len(found.feature_names) != len(names)
            else f"{data} does not have the columns that the model was trained on, such as "
            f"{names[0]!r}."
        )
    if found.X_test is not None and found.y_test is not None:
        return _known(model, found.X_test, found.y_test, f"{data} (its test rows)")
    same = model.info.get("data") == found.name
    name = f"{data}{' (training rows included)' if same else ''}"
    return _known(model, found.X, found.y, name)


def _known(model: Model, X: Any, y: Any, name: str) -> Rows:
    """Rows of a set that knows its targets, in the form in which the model learned them."""
    if model.classes is not None:
        return Rows(X, [str(label) for label in y.ravel().tolist()], name)
    outputs = len(target_names(model))
    if y.dtype.kind not in "iuf" or y.size != outputs * len(y):
        return Rows(X, None, name, f"{name} does not have the targets that the model learned")
    return Rows(X, y.astype(np.float64).reshape(len(y), outputs), name)


def target_names(model: Model) -> list[str]:
    """What the columns of a model's targets are called; numbers from 1 where it does not know."""
    columns = model.programs["outputs"].outputs[0].aval.shape[1]
    assert isinstance(columns, int)
    names = model.info.get("target_names", ())
    return [str(name) for name in names] or [str(n + 1) for n in range(columns)]


def _truth(model: Model, table: Table) -> Any:
    """What is true of the rows of a CSV file; None where it does not say.

    Raises:
        DataError: When it says what cannot be compared.
    """
    names = list(model.info.get("target_names", ()))
    if not any(name in table.names for name in names):
        return None
    if model.classes is None:
        return read_targets(table, names, _kind(model), gaps=True)
    kind = model.classes.kind
    cells = table.cells.get_column(names[0]).to_list()
    return [_as_label(cell or "", kind) for cell in cells]


def _kind(model: Model) -> str:
    """What the model's targets hold, as its loss calls it."""
    if "probabilities" not in model.programs:
        return "numbers"
    predictions = model.programs["predictions"].outputs[0].aval.dtype
    return "fractions" if predictions.kind == "b" else "distribution"


def _as_label(cell: str, kind: str) -> str:
    try:
        if kind == "float":
            return str(float(cell))
        if kind == "int":
            return str(int(cell))
    except ValueError:
        return cell
    return cell.capitalize() if kind == "bool" else cell


def _csv(model: Model, predicted: Any, probabilities: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = target_names(model) if model.classes is None else model.classes.labels.tolist()
    columns = (
        [f"prediction_{name}" for name in names] if _has_several(predicted) else ["prediction"]
    )
    shown = [] if probabilities is None else [f"p_{name}" for name in names]
    writer.writerow(["row", *columns, *shown])
    cells = _cells(predicted, names if model.classes is None else None)
    shares = [[]] * len(cells) if probabilities is None else probabilities.tolist()
    for number, (row, more) in enumerate(zip(cells, shares, strict=True), start=1):
        writer.writerow([number, *row, *(f"{share:.6g}" for share in more)])
    return text.getvalue()


def _has_several(predicted: Any) -> bool:
    return bool(predicted.ndim == 2 and predicted.shape[1] > 1)


def _cells(predicted: Any, names: list[str] | None) -> list[list[str]]:
    """Predictions as text, row by row: the shortest that reads back as the same number."""
    if predicted.ndim == 2:
        values = predicted.astype(int) if predicted.dtype.kind == "b" else predicted
        return [[str(value) for value in row] for row in values]
    if names is None:
        return [[str(label)] for label in predicted.tolist()]
    return [[names[index]] for index in predicted.tolist()]


def _report(model: Model, predicted: Any, rows: Rows) -> None:
    """The scores over the rows whose truth is known."""
    if rows.unscored:
        print(f"not scored: {rows.unscored}", file=sys.stderr)
    if rows.truth is None:
        return
    if model.classes is not None:
        _report_classes([str(label) for label in predicted.tolist()], rows)
        return
    known = ~np.isnan(rows.truth).any(axis=1)
    if not known.any():
        return
    predicted, truth = predicted[known], rows.truth[known]
    result = scored(predicted, truth)
    told = [("", result.scores)]
    if isinstance(result, OfNumbers) and _has_several(predicted):
        of = result.by_column
        columns = (of.r2, of.mean_absolute_error, of.root_mean_squared_error)
        told = [
            (f"{name}: ", dict(zip(NUMBER_WORDS, numbers, strict=True)))
            for name, *numbers in zip(target_names(model), *columns, strict=True)
        ]
    for name, scores in told:
        text = ", ".join(f"{word} {readable(value)}" for word, value in scores.items())
        print(f"{printable(name)}{text}: {known.sum():,} rows, {rows.name}", file=sys.stderr)


def _report_classes(answers: list[str], rows: Rows) -> None:
    """The accuracy over the rows whose label is known; a label the model never saw is wrong."""
    known = [pair for pair in zip(answers, rows.truth, strict=True) if pair[1]]
    if known:
        right = sum(answer == label for answer, label in known)
        share = right / len(known)
        print(
            f"accuracy {share:.4f}: {right:,} of {len(known):,} rows, {rows.name}", file=sys.stderr
        )
