"""Why cross-entropy: how L2 and cross-entropy leave good, bad and confidently wrong starts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from ..engines.blas import one_blas_thread
from .common import Record, digits, each, middle, where
from .losses_runs import (
    BAD,
    ENTROPY,
    OF_OUTPUTS,
    OF_PROBABILITIES,
    STARTS,
    WAYS,
    WRONG,
    measured,
    parameters_of,
    slopes,
)
from .report import OnProgress, Report, Table, spread

QUESTION = "Why is the L2 loss weaker than cross-entropy, and from which starts?"

SETTINGS: Mapping[str, Any] = {
    "rows": 600,
    "units": 32,
    "accuracy": 0.95,
    "most_updates": 400,
    "learning_rates": [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8],
    "good_start_accuracy": 0.8,
    "wrong_start_updates": 150,
    "seeds": [0, 1, 2],
}

QUICK: Mapping[str, Any] = {
    "rows": 200,
    "most_updates": 60,
    "learning_rates": [0.2, 0.8],
    "seeds": [0],
}


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Train from each start with each loss at each learning rate."""
    data = digits()
    X, y = data.X[: settings["rows"]], data.y[: settings["rows"]]
    records = []
    with one_blas_thread():
        cases = list(product(WAYS, STARTS, settings["seeds"]))
        for way, start, seed in each(cases, on_progress):
            made = parameters_of(WAYS[way].teacher, start, X, y, seed, settings)
            records.append(measured(way, start, seed, made, X, y, settings))
        curves = slopes()
    numbers = {"classes": 10, "slopes": curves, "records": records}
    tables = (_start_table(records), _step_table(records, settings))
    return Report("losses", dict(settings), numbers, tables, _seen(records, settings))


def runs_at(records: Sequence[Record], way: str, start: str, rate: float) -> list[Record]:
    """The runs with a loss from a start at a learning rate, one per seed."""
    found = where(records, way=way, start=start)
    return [run for record in found for run in record["runs"] if run["rate"] == rate]


def best_rate(records: Sequence[Record], way: str, start: str) -> float:
    """The learning rate at which a loss needs the fewest updates from a start."""
    rates = [float(run["rate"]) for run in records[0]["runs"]]
    return min(rates, key=lambda rate: _updates(records, way, start, rate))


def _updates(records: Sequence[Record], way: str, start: str, rate: float) -> float:
    """The median over seeds of the updates to the wanted accuracy; infinity for never."""
    runs = runs_at(records, way, start, rate)
    return middle([math.inf if run["updates"] is None else run["updates"] for run in runs])


def _start_table(records: Sequence[Record]) -> Table:
    rows = []
    for start, way in product(STARTS, WAYS):
        found = where(records, way=way, start=start)
        cells = (
            spread([100 * r["right"] for r in found]),
            *(
                spread([r[name] for r in found], 2)
                for name in ("given", "loss", "output_gradient", "gradient_norm")
            ),
        )
        rows.append((start, way, *cells))
    columns = (
        "start",
        "loss",
        "right in %",
        "given to the right class",
        "loss at the start",
        "gradient of a row's logits",
        "gradient of all weights",
    )
    title = "The starts; L2 of probabilities and cross-entropy have the same ones"
    return Table(title, columns, tuple(rows))


def _step_table(records: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    rates = settings["learning_rates"]
    rows = []
    for start, way in product(STARTS, WAYS):
        found = [_updates(records, way, start, rate) for rate in rates]
        cells = ["-" if math.isinf(updates) else f"{updates:g}" for updates in found]
        rows.append((start, way, *cells, _at_best(records, way, start, settings)))
    return Table(
        f"Full-batch updates to {settings['accuracy']:.0%} of {settings['rows']} digits, by "
        f"learning rate (median of seeds; -: not in {settings['most_updates']}, or diverged)",
        ("start", "loss", *(f"{rate:g}" for rate in rates), "at the best rate"),
        tuple(rows),
    )


def _at_best(records: Sequence[Record], way: str, start: str, settings: Mapping[str, Any]) -> str:
    """The updates at the best rate, with their spread over seeds."""
    rate = best_rate(records, way, start)
    found = [run["updates"] for run in runs_at(records, way, start, rate)]
    if None in found:
        return f"more than {settings['most_updates']} for {found.count(None)} of {len(found)} seeds"
    return spread(found)


def _seen(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """How much longer L2 of probabilities takes from each start, and where its gradient goes."""
    told = []
    for start in STARTS:
        entropy, squares, plain = (
            _text(_updates(records, way, start, best_rate(records, way, start)), settings)
            for way in WAYS
        )
        told.append(f"{entropy}, {squares} and {plain} from a {start} start")
    size = {
        (way, start): middle([r["output_gradient"] for r in where(records, way=way, start=start)])
        for way, start in product(WAYS, STARTS)
    }
    given = middle([r["given"] for r in where(records, way=ENTROPY, start=WRONG)])
    share = size[OF_PROBABILITIES, WRONG] / size[ENTROPY, WRONG]
    usual = size[OF_PROBABILITIES, BAD] / size[ENTROPY, BAD]
    flat = ", whose error is multiplied by the slope of softmax, which is flat there,"
    return (
        f"To {settings['accuracy']:.0%} of the digits, cross-entropy, L2 of probabilities and L2 "
        f"of plain outputs need, each at its best learning rate, {'; '.join(told)}. At the "
        f"confidently wrong start, where the right class is given {given:.2g}, the gradient at a "
        f"row's logits is {size[ENTROPY, WRONG]:.2g} with cross-entropy, "
        f"{size[OF_PROBABILITIES, WRONG]:.2g} with L2 of probabilities"
        f"{flat if share < usual else ''} and {size[OF_OUTPUTS, WRONG]:.2g} with L2 of plain "
        "outputs, which have no such slope."
    )


def _text(updates: float, settings: Mapping[str, Any]) -> str:
    if math.isinf(updates):
        return f"more than {settings['most_updates']}"
    return f"{updates:g} updates"
