"""`pullback predict RUN DATA`: a trained model's answers as CSV."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..data import BUILTIN, column_names, load, read_features
from ..errors import DataError, StorageError, UsageError
from ..models import Model
from ..models import load as load_model
from ..storage import write_atomic


@dataclass(frozen=True)
class Rows:
    """What is to be predicted.

    Attributes:
        X: Numbers of shape (rows, columns).
        labels: The right answer of each row as the model writes it, "" where it is not known;
            None when none is known.
        name: What these rows are.
    """

    X: Any
    labels: list[str] | None
    name: str


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
        bool, typer.Option("--proba", help="Add a column with the probability of each class.")
    ] = False,
    separator: Annotated[
        str, typer.Option(help="The character between the cells of a CSV file.", metavar="CHAR")
    ] = ",",
    force: Annotated[
        bool, typer.Option("--force", help="Write even if the --out file exists.")
    ] = False,
) -> None:
    """Predict a class for each row of DATA, as CSV: row, prediction.

    Rows are counted from 1. Where the right answers are known, the accuracy goes to standard
    error.

    \b
    Examples:
      pullback predict runs/0001 new.csv
      pullback predict runs/0001 new.csv --proba --out answers.csv
    """
    if out is not None and out.exists() and not force:
        raise StorageError(f"{out} exists already: choose another file or add --force.")
    model = load_model(run)
    if proba and "probabilities" not in model.programs:
        raise UsageError(
            f"The model of {run} gives no probabilities; train it with --loss cross-entropy."
        )
    rows = _rows(model, data, separator)
    answers = [str(label) for label in np.asarray(model.predict(rows.X)).tolist()]
    text = _csv(model, answers, model.predict_proba(rows.X) if proba else None)
    if out is not None:
        write_atomic(out, text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
    _report(answers, rows)


def _rows(model: Model, data: str, separator: str) -> Rows:
    path = Path(data)
    names = tuple(model.info.get("feature_names", ()))
    if path.suffix.lower() == ".csv" and not path.is_dir():
        if not names:
            raise DataError("The model does not know the names of its columns, which CSV needs.")
        X = read_features(path, names, separator=separator)
        target = model.info.get("target")
        known = target in column_names(path, separator=separator)
        labels = _column(model, path, str(target), separator) if known else None
        return Rows(X, labels, data)
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
        return Rows(found.X_test, _texts(found.y_test), f"{data} (its test rows)")
    same = model.info.get("data") == found.name
    return Rows(found.X, _texts(found.y), f"{data}{' (training rows included)' if same else ''}")


def _texts(labels: Any) -> list[str]:
    return [str(label) for label in labels.tolist()]


def _column(model: Model, path: Path, name: str, separator: str) -> list[str]:
    """The labels of a CSV file, each written as the model writes it: 1.50 as 1.5."""
    assert model.classes is not None
    kind = model.classes.kind
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        place = [cell.strip() for cell in next(reader)].index(name)
        cells = [row[place].strip() for row in reader if row]
    return [_as_label(cell, kind) for cell in cells]


def _as_label(cell: str, kind: str) -> str:
    try:
        if kind == "float":
            return str(float(cell))
        if kind == "int":
            return str(int(cell))
    except ValueError:
        return cell
    return cell.capitalize() if kind == "bool" else cell


def _csv(model: Model, answers: list[str], probabilities: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labels = [] if probabilities is None or model.classes is None else model.classes.labels.tolist()
    writer.writerow(["row", "prediction", *(f"p_{label}" for label in labels)])
    shares = [[]] * len(answers) if probabilities is None else probabilities.tolist()
    for number, (answer, row) in enumerate(zip(answers, shares, strict=True), start=1):
        writer.writerow([number, answer, *(f"{share:.6g}" for share in row)])
    return text.getvalue()


def _report(answers: list[str], rows: Rows) -> None:
    """The accuracy over the rows whose label is known; a label the model never saw is wrong."""
    if rows.labels is None:
        return
    known = [pair for pair in zip(answers, rows.labels, strict=True) if pair[1]]
    if known:
        right = sum(answer == label for answer, label in known)
        share = right / len(known)
        print(
            f"accuracy {share:.4f}: {right:,} of {len(known):,} rows, {rows.name}", file=sys.stderr
        )
