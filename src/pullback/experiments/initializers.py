"""How to begin: whether initial weights break the symmetry and carry a signal through 20 layers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..engines.blas import one_blas_thread
from ..nn import normal
from ..nn.initializers import Weights
from ..optim import SGD
from ..training import Prepared, prepare
from .common import (
    KNOWING_NOTHING,
    Record,
    accuracy,
    digits,
    each,
    middle,
    percent,
    stack,
    trained,
    where,
)
from .report import OnProgress, Report, Table, spread
from .signals import dead_and_saturated, observer, weight_gradient_norms

QUESTION = "How large must the first random weights be, and why must they be random at all?"

SETTINGS: Mapping[str, Any] = {
    "activations": ["relu", "tanh"],
    "depths": [3, 20],
    "units": 64,
    "small": 0.01,
    "large": 1.0,
    "learning_rate": 0.05,
    "batch_size": 64,
    "epochs": 8,
    "seeds": [0, 1, 2],
}

QUICK: Mapping[str, Any] = {"activations": ["relu"], "units": 32, "epochs": 2, "seeds": [0]}

SUMS = re.compile(r"z\d+|logits")
"""What the outputs of Dense layers are called."""

SHOWN = 8
"""Units of the first layer whose weights are kept for the picture."""

ALIKE = 1e-3
"""Units whose weights differ by less than this share of the largest weight count as one."""


def starts(settings: Mapping[str, Any]) -> dict[str, Weights]:
    """The initializers that are compared, by name."""
    return {
        "zeros": "zeros",
        "all equal": all_equal,
        "too small": normal(settings["small"]),
        "too large": normal(settings["large"]),
        "glorot": "glorot",
        "he": "he",
    }


def all_equal(random: np.random.Generator, inputs: int, outputs: int) -> Any:
    """The same number everywhere, as large as He's weights are on average."""
    return np.full((inputs, outputs), math.sqrt(2 / inputs))


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Measure the signals at each start, and train from it."""
    data = digits()
    cases = [(*case, seed) for case in _cases(settings) for seed in settings["seeds"]]
    with one_blas_thread():
        records = [_record(*case, data, settings) for case in each(cases, on_progress)]
    tables = (_signal_table(records, settings), _training_table(records, settings))
    return Report(
        "initializers", dict(settings), {"records": records}, tables, _seen(records, settings)
    )


# Measuring.


def _record(
    activation: str, depth: int, start: str, seed: int, data: Any, settings: Mapping[str, Any]
) -> dict[str, Any]:
    prepared = prepare(
        stack(depth, settings["units"], activation, 10, starts(settings)[start]),
        data.X,
        data.y,
        optimizer=SGD(settings["learning_rate"]),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        scaling="standard",
        seed=seed,
    )
    measured = _signals(prepared)
    run, diverged = trained(prepared)
    return {
        "activation": activation,
        "depth": depth,
        "start": start,
        "seed": seed,
        **measured,
        "distinct": distinct_units(run.model.params["W1"]),
        **({"units": _first_units(run.model.params["W1"])} if seed == settings["seeds"][0] else {}),
        "loss": [float(record["loss"]) for record in run.history],
        "accuracy": accuracy(run, data),
        "diverged": diverged,
    }


def _first_units(weights: Any) -> list[list[float]]:
    """The weights of some units of the first layer, to be seen."""
    return np.round(weights[:, :SHOWN].T.astype(float), 5).tolist()  # type: ignore[no-any-return]


def _signals(prepared: Prepared) -> dict[str, Any]:
    """Layer by layer, before the first update: what comes forward and what comes back."""
    signals = observer(prepared)(prepared.problem.params)
    dead, saturated = dead_and_saturated(signals)
    sums = [value for name, value in signals.values.items() if SUMS.fullmatch(name)]
    return {
        "deviations": [_deviation(z) for z in sums],
        "gradient_norms": weight_gradient_norms(signals),
        "dead": dead,
        "saturated": saturated,
    }


def _deviation(values: Any) -> float:
    with np.errstate(all="ignore"):  # infinity of far too large weights
        return float(np.std(values, dtype=np.float64))


def distinct_units(weights: Any) -> int:
    """How many different units a layer has: columns of its weights that are not alike."""
    least = ALIKE * float(np.max(np.abs(weights)))
    kept: list[Any] = []
    for unit in weights.T:
        if all(np.max(np.abs(unit - other)) > least for other in kept):
            kept.append(unit)
    return len(kept)


# Telling.


def _signal_table(records: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    rows = []
    for activation, depth, start in _cases(settings):
        found = where(records, activation=activation, depth=depth, start=start)
        forth = [_ends(found, "deviations", layer) for layer in (0, -1)]
        back = [_ends(found, "gradient_norms", layer) for layer in (-1, 0)]
        shares = [percent(middle([r[what] for r in found])) for what in ("dead", "saturated")]
        rows.append((f"{activation}, {depth} layers", start, *forth, *back, *shares))
    columns = (
        "network",
        "start",
        "deviation of the first sums",
        "of the logits",
        "gradient norm, last layer",
        "first layer",
        "dead units",
        "saturated units",
    )
    title = (
        "Before the first update: what comes forward, and what comes back (medians of the seeds)"
    )
    return Table(title, columns, tuple(rows))


def _cases(settings: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    return product(settings["activations"], settings["depths"], starts(settings))


def _ends(records: Sequence[Record], what: str, layer: int) -> str:
    return f"{middle([r[what][layer] for r in records]):.2g}"


def _training_table(records: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    rows = []
    for activation, depth, start in _cases(settings):
        found = where(records, activation=activation, depth=depth, start=start)
        failed = sum(r["diverged"] for r in found)
        rows.append(
            (
                f"{activation}, {depth} layers",
                start,
                spread([r["distinct"] for r in found]),
                spread([r["loss"][-1] for r in found]) + (f", {failed} diverged" if failed else ""),
                spread([100 * r["accuracy"] for r in found]),
            )
        )
    columns = ("network", "start", "different units", "loss", "held-out accuracy, %")
    title = (
        f"After {settings['epochs']} epochs: how many of the {settings['units']} units of the "
        f"first layer differ, and what was learned (knowing nothing: {KNOWING_NOTHING:.2f})"
    )
    return Table(title, columns, tuple(rows))


def _seen(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """Whether the symmetry breaks, and why; what depth makes of a signal, and why."""
    activation, depth = settings["activations"][0], max(settings["depths"])

    def median(start: str, what: Callable[[Record], float], depth: int = depth) -> float:
        found = where(records, activation=activation, depth=depth, start=start)
        return middle([what(record) for record in found])

    shallow = min(settings["depths"])
    zeros, equal, he = (
        f"{median(start, lambda r: r['distinct'], shallow):g}"
        for start in ("zeros", "all equal", "he")
    )
    told = [
        f"{median(start, lambda r: r['deviations'][-1]):.2g} {word} (loss after training: "
        f"{median(start, lambda r: r['loss'][-1]):.2g})"
        for start, word in (
            ("too small", "with too small weights"),
            ("too large", "with too large ones"),
            ("he", "with He's"),
        )
    ]
    return (
        f"Of {settings['units']} units of the first layer {zeros} end different from each other "
        f"after a start with zeros, {equal} after one with the same number everywhere and {he} "
        "with He's random ones: units that begin alike get the same gradient and stay alike. "
        f"Through {depth} {activation} layers the signal arrives at the logits with a deviation of "
        f"{told[0]}, {told[1]} and {told[2]}, because every layer multiplies it, and the "
        "cotangent on its way back, by about the same factor, and only a factor near 1 survives "
        "many layers."
    )
