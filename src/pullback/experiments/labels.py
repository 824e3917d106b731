"""Why one-hot: the class number as target, which invents an order, against corners of a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..engines.blas import one_blas_thread
from ..errors import UsageError
from ..losses import CrossEntropy, SquaredError
from ..models import Model
from ..nn import Dense, ReLU, Sequential, one_hot
from ..optim import Adam
from ..training import Prepared, prepare
from ..training.results import confusion_matrix
from .common import Record, Snapshots, digits, each, middle, percent, trained, where
from .report import OnProgress, Report, Table, spread

QUESTION = "Why is a class a corner of a label space of its own, and not just its number?"

SETTINGS: Mapping[str, Any] = {
    "units": 64,
    "learning_rate": 0.003,
    "batch_size": 64,
    "epochs": 40,
    "renumberings": 3,
    "three_classes": [3, 0, 8],
    "moments": [0, 5, 20, 80, 320],
    "seeds": [0, 1, 2],
}

QUICK: Mapping[str, Any] = {
    "epochs": 3,
    "renumberings": 1,
    "moments": [0, 20],
    "seeds": [0],
}

NUMBER = "class number, L2"
CODINGS = (NUMBER, "one-hot, L2", "one-hot, cross-entropy")
"""What a target is, and the loss."""

SHOWN = 60
"""Points of each class that are kept for the picture."""


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Train with each coding under several numberings, and follow the points of three classes."""
    classes = settings["three_classes"]
    if len(classes) != 3 or not set(classes) <= set(range(10)):
        raise UsageError(f"labels: three_classes={classes}: it needs three of the digits 0 to 9.")
    data = digits()
    orders = _orders(settings["renumberings"])
    whole: list[tuple[str, int | None, int]] = [
        *product(CODINGS, range(len(orders)), settings["seeds"])
    ]
    three: list[tuple[str, int | None, int]] = [*product(CODINGS, [None], settings["seeds"])]
    records: list[dict[str, Any]] = []
    gathering: list[dict[str, Any]] = []
    with one_blas_thread():
        for coding, numbering, seed in each([*whole, *three], on_progress):
            if numbering is None:
                gathering += _three_digits(coding, seed, data, settings)
            else:
                measured = _all_digits(coding, orders[numbering], seed, data, settings)
                records.append({"coding": coding, "numbering": numbering, "seed": seed} | measured)
    numbers = {
        "orders": [order.tolist() for order in orders],
        "records": records,
        "gathering": gathering,
    }
    tables = (_coding_table(records), _gathering_table(gathering, settings))
    return Report("labels", dict(settings), numbers, tables, _seen(records))


# Measuring.


def _orders(renumberings: int) -> list[Any]:
    """The number that each digit gets: its own, then random ones."""
    random = np.random.default_rng(0)
    return [np.arange(10), *(random.permutation(10) for _ in range(renumberings))]


def _prepared(
    coding: str, X: Any, numbers: Any, classes: int, seed: int, settings: Mapping[str, Any]
) -> Prepared:
    """The same network and rule for every coding of the same class numbers.

    The last layer begins at zero: then all outputs are alike at the start, and nothing but the
    coding tells a network in which order the classes stand.
    """
    is_number = coding == NUMBER
    outputs = 1 if is_number else classes
    return prepare(
        Sequential(Dense(settings["units"]), ReLU(), Dense(outputs, weights="zeros")),
        X,
        numbers.astype(np.float32) if is_number else numbers,
        loss=CrossEntropy() if coding == CODINGS[2] else SquaredError(),
        task="regression" if is_number else "classification",
        target_scaling="standard" if is_number else None,
        optimizer=Adam(settings["learning_rate"]),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        scaling="standard",
        seed=seed,
    )


def _all_digits(
    coding: str, order: Any, seed: int, data: Any, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """How often the held-out digits get their number, which wrong ones, and what digit it means."""
    run, _ = trained(_prepared(coding, data.X, order[data.y], 10, seed, settings))
    truth = order[data.y_test]
    answers = _nearest_class(coding, _points(coding, run.model, data.X_test), 10)
    wrong = answers != truth
    return {
        "accuracy": float(np.mean(~wrong)),
        "wrong": int(np.sum(wrong)),
        "wrong_by_one": int(np.sum(np.abs(answers - truth) == 1)),
        "confusion": confusion_matrix(truth, answers, 10).tolist(),
        "digits": np.argsort(order)[answers].tolist(),
    }


def _three_digits(
    coding: str, seed: int, data: Any, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Where the points of three classes are at each moment, and how far from their target."""
    classes = settings["three_classes"]
    X, numbers = _rows_of(data.X, data.y, classes)
    steps = -(-len(X) // settings["batch_size"])
    epochs = max(1, -(-max(settings["moments"]) // steps))
    prepared = _prepared(coding, X, numbers, 3, seed, {**settings, "epochs": epochs})
    snapshots = Snapshots(settings["moments"])
    trained(prepared, [snapshots])
    held_out, truth = _rows_of(data.X_test, data.y_test, classes)
    found = []
    for moment, params in sorted(snapshots.params.items()):
        points = _points(coding, prepared.model(params), held_out)
        targets = truth[:, None] if coding == NUMBER else one_hot(truth, 3)
        record = {
            "coding": coding,
            "seed": seed,
            "updates": moment,
            "distance": float(np.mean(np.linalg.norm(points - targets, axis=1))),
            "accuracy": float(np.mean(_nearest_class(coding, points, 3) == truth)),
        }
        if seed == settings["seeds"][0]:
            shown = np.concatenate([np.flatnonzero(truth == k)[:SHOWN] for k in range(3)])
            record["points"] = np.round(points[shown].astype(float), 4).tolist()
            record["classes"] = truth[shown].tolist()
        found.append(record)
    return found


def _rows_of(X: Any, y: Any, classes: Sequence[int]) -> tuple[Any, Any]:
    """The rows of three classes, and their numbers 0, 1, 2 in the order given."""
    chosen = np.isin(y, classes)
    return X[chosen], np.array([list(classes).index(label) for label in y[chosen]])


def _points(coding: str, model: Model, X: Any) -> Any:
    """Where rows lie in the label space: on a line of numbers, or among the one-hot corners."""
    if coding == NUMBER:
        return model.predict(X)
    return model.predict_proba(X) if coding == CODINGS[2] else model.outputs(X)


def _nearest_class(coding: str, points: Any, classes: int) -> Any:
    """The class whose target is nearest."""
    if coding != NUMBER:
        return np.argmax(points, axis=1)
    return np.clip(np.rint(points[:, 0]), 0, classes - 1).astype(int)


# Telling.


def _changed(records: Sequence[Record], coding: str) -> list[float]:
    """Per seed and renumbering, the share of held-out digits that are then taken for another."""
    own = {r["seed"]: r["digits"] for r in where(records, coding=coding, numbering=0)}
    return [
        float(np.mean(np.not_equal(own[r["seed"]], r["digits"])))
        for r in where(records, coding=coding)
        if r["numbering"]
    ]


def _by_one(records: Sequence[Record], coding: str) -> float:
    """The share of wrong answers whose number is one beside the right one, over all runs."""
    found = where(records, coding=coding)
    return float(sum(r["wrong_by_one"] for r in found) / max(1, sum(r["wrong"] for r in found)))


def _coding_table(records: Sequence[Record]) -> Table:
    rows = []
    for coding in CODINGS:
        found = where(records, coding=coding)
        own = [100 * r["accuracy"] for r in found if not r["numbering"]]
        others = [100 * r["accuracy"] for r in found if r["numbering"]]
        changed = _changed(records, coding)
        rows.append(
            (
                coding,
                spread(own),
                spread(others) if others else "",
                percent(middle(changed)) if changed else "",
                percent(_by_one(records, coding)),
            )
        )
    columns = (
        "target and loss",
        "accuracy in %",
        "accuracy, renumbered",
        "answers changed by it",
        "wrong answers one beside",
    )
    title = (
        "Held-out digits: the same network, its last layer starting at zero, with targets of three "
        "kinds"
    )
    return Table(title, columns, tuple(rows))


def _gathering_table(gathering: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    moments = sorted(settings["moments"])
    rows = []
    for coding in CODINGS:
        found = [where(gathering, coding=coding, updates=moment) for moment in moments]
        rows.append((coding, *map(_gathered, found)))
    names = ", ".join(map(str, settings["three_classes"]))
    return Table(
        f"Digits {names} gathering: mean distance to their target, share nearest to it",
        ("target and loss", *(f"after {moment} updates" for moment in moments)),
        tuple(rows),
    )


def _gathered(records: Sequence[Record]) -> str:
    """Distance and accuracy at a moment; that no run came so far, where they all diverged."""
    if not records:
        return "diverged"
    distance, accuracy = (middle([r[what] for r in records]) for what in ("distance", "accuracy"))
    return f"{distance:.3g}, {percent(accuracy)}"


def _seen(records: Sequence[Record]) -> str:
    """Number against one-hot with the same loss; and what numbers put between classes."""
    number, corner = CODINGS[0], CODINGS[1]
    right = {
        coding: middle([r["accuracy"] for r in where(records, coding=coding, numbering=0)])
        for coding in (number, corner)
    }
    changed = {coding: _changed(records, coding) for coding in (number, corner)}
    renumbered = ""
    if changed[number]:
        renumbered = (
            f"; giving the digits other numbers changes {percent(middle(changed[number]))} of the "
            f"answers of the former and {percent(middle(changed[corner]))} of those of the latter"
        )
    beside, chance = _by_one(records, number), 2 / 10
    if beside > chance:
        why = (
            "The number invents an order: a network in doubt between 3 and 5 says 4, so "
            f"{percent(beside)} of the wrong answers are one beside the right number"
        )
    else:
        why = (
            "The order that the number invents does not show in the mistakes: "
            f"{percent(beside)} of the wrong answers are one beside the right number"
        )
    return (
        f"With the class number as target {percent(right[number])} of the held-out digits are "
        f"right, with one-hot targets and the same loss {percent(right[corner])}{renumbered}. "
        f"{why}, against {percent(_by_one(records, corner))} with one-hot targets "
        f"({percent(chance)} where all mistakes are equally likely), whose corners are all equally "
        "far apart."
    )
