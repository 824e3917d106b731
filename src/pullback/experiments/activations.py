"""Why ReLU and not the sigmoid: activations, their derived slopes, and what depth makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..diagnosis.signals import Signals, slopes_of
from ..diagnosis.units import FLAT, MOSTLY
from ..engines.blas import one_blas_thread
from ..losses import CrossEntropy
from ..nn.layers import ACTIVATIONS
from ..optim import SGD
from ..training import prepare
from .common import (
    KNOWING_NOTHING,
    Record,
    accuracy,
    activation,
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

QUESTION = "Why ReLU and its leaky relatives, and not the sigmoid, in networks of many layers?"

SETTINGS: Mapping[str, Any] = {
    "activations": [
        "relu",
        "leaky-relu",
        "prelu",
        "randomized-leaky-relu",
        "elu",
        "tanh",
        "sigmoid",
    ],
    "depths": [2, 8, 20],
    "units": 32,
    "learning_rate": 0.05,
    "batch_size": 64,
    "epochs": 12,
    "seeds": [0, 1, 2],
}

QUICK: Mapping[str, Any] = {
    "activations": ["relu", "leaky-relu", "sigmoid"],
    "depths": [2, 20],
    "epochs": 2,
    "seeds": [0],
}

GRID = np.arange(-120, 121) / 20
"""Where curves are evaluated: -6 to 6, with -1, 0 and 1 exactly among them."""

DRAWS = 500
"""How often a random activation is drawn, to see between which values it lies."""


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Draw every activation, and train networks of several depths with some of them."""
    with one_blas_thread():
        curves = {name: _curve(name) for name in ACTIVATIONS}
        cases = list(product(settings["activations"], settings["depths"], settings["seeds"]))
        data = digits()
        records = [_record(case, settings, data) for case in each(cases, on_progress)]
    numbers = {"x": GRID.tolist(), "curves": curves, "records": records}
    tables = (_curve_table(curves), *_depth_tables(records, settings))
    return Report("activations", dict(settings), numbers, tables, _seen(records, settings))


# Measuring.


def _curve(name: str) -> dict[str, list[float]]:
    """Value and derived slope on the grid; where training draws, the least and the largest too."""
    layer = activation(name)
    params, state = layer.init(np.random.default_rng(0), (1,))

    def predicting(x: Any) -> Any:
        return layer.apply(params, state, x, training=False)[0]

    def training(x: Any) -> Any:
        return layer.apply(params, state, x, training=True)[0]

    x = GRID[:, None]
    curve = {
        "value": predicting(x)[:, 0].tolist(),
        "slope": slopes_of(predicting, x)[:, 0].tolist(),
    }
    drawn = slopes_of(training, np.repeat(x, DRAWS, axis=1))
    low, high = drawn.min(axis=1), drawn.max(axis=1)
    if not np.array_equal(low, high):
        curve |= {"lowest_slope": low.tolist(), "highest_slope": high.tolist()}
    return curve


def _record(case: tuple[str, int, int], settings: Mapping[str, Any], data: Any) -> dict[str, Any]:
    name, depth, seed = case
    prepared = prepare(
        stack(depth, settings["units"], name, outputs=10),
        data.X,
        data.y,
        loss=CrossEntropy(),
        optimizer=SGD(settings["learning_rate"]),
        batch_size=settings["batch_size"],
        epochs=settings["epochs"],
        scaling="standard",
        seed=seed,
    )
    signals = observer(prepared)
    at_start = signals(prepared.problem.params)
    run, diverged = trained(prepared)
    steps = len(prepared.plan.slices)
    return {
        "activation": name,
        "depth": depth,
        "seed": seed,
        "gradient_norms": weight_gradient_norms(at_start),
        "at_start": _units(at_start),
        "after": _units(signals(run.model.params)),
        "updates": [int(record["epoch"]) * steps for record in run.history],
        "loss": [float(record["loss"]) for record in run.history],
        "accuracy": accuracy(run, data),
        "diverged": diverged,
    }


def _units(signals: Signals) -> dict[str, float]:
    """The shares of dead and saturated hidden units, and the size of the slopes met."""
    dead, saturated = dead_and_saturated(signals)
    met = [slopes.values for slopes in signals.slopes]
    size = float(np.sqrt(np.mean(np.square(met, dtype=np.float64)))) if met else 1.0
    return {"dead": dead, "saturated": saturated, "slope": size}


# Telling.


def _curve_table(curves: Mapping[str, Any]) -> Table:
    at = {x: GRID.tolist().index(x) for x in (-1.0, 0.0, 1.0)}
    rows = []
    for name, curve in curves.items():
        value, slope = curve["value"], curve["slope"]
        cells = [f"{of[at[x]]:.4g}" for x in at for of in (value, slope)]
        rows.append((name, *cells, f"{min(slope):.3g} to {max(slope):.3g}"))
    heads = [head for x in at for head in (f"f({x:g})", f"f'({x:g})")]
    title = "Activations f and their derived slopes f' (a random one: as it predicts)"
    return Table(title, ("activation", *heads, "slopes in [-6, 6]"), tuple(rows))


def _depth_tables(records: Sequence[Record], settings: Mapping[str, Any]) -> list[Table]:
    names, depths = settings["activations"], settings["depths"]

    def by_depth(title: str, told: Callable[[Sequence[Record]], str]) -> Table:
        rows = [
            (name, *(told(where(records, activation=name, depth=depth)) for depth in depths))
            for name in names
        ]
        return Table(title, ("activation", *(f"depth {depth}" for depth in depths)), tuple(rows))

    return [
        by_depth(
            "Gradient norm of the first layer over that of the last, at the start",
            lambda found: spread([_reach(r) for r in found]),
        ),
        by_depth(
            f"Loss after {_updates(records)} updates (knowing nothing: {KNOWING_NOTHING:.2f})",
            lambda found: spread([r["loss"][-1] for r in found]) + _diverged(found),
        ),
        by_depth(
            "Accuracy on held-out digits, in %",
            lambda found: spread([100 * r["accuracy"] for r in found]),
        ),
        by_depth(
            "Dead hidden units, at the start and after training (their slope is 0 on every row)",
            lambda found: _before_and_after(found, "dead"),
        ),
        by_depth(
            "Saturated hidden units, at the start and after training (not dead, but the slope is "
            f"below {FLAT} on {percent(MOSTLY)} of the rows)",
            lambda found: _before_and_after(found, "saturated"),
        ),
    ]


def _before_and_after(records: Sequence[Record], what: str) -> str:
    at_start, after = (middle([r[when][what] for r in records]) for when in ("at_start", "after"))
    return f"{percent(at_start)}, {percent(after)}"


def _updates(records: Sequence[Record]) -> int:
    return max(int(record["updates"][-1]) for record in records)


def _reach(record: Record) -> float:
    """How much of the last layer's gradient arrives at the first."""
    norms = record["gradient_norms"]
    return float(norms[0] / norms[-1]) if norms[-1] else 0.0


def _diverged(records: Sequence[Record]) -> str:
    count = sum(r["diverged"] for r in records)
    return f" ({count} diverged)" if count else ""


def _seen(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """What happens at the greatest depth, and the slopes that make it happen."""
    depth = max(settings["depths"])
    deep = {name: where(records, activation=name, depth=depth) for name in settings["activations"]}
    reach = {name: middle([_reach(r) for r in found]) for name, found in deep.items()}
    loss = {name: middle([r["loss"][-1] for r in found]) for name, found in deep.items()}
    slope = {name: middle([r["at_start"]["slope"] for r in found]) for name, found in deep.items()}
    told = list(dict.fromkeys([min(reach, key=reach.__getitem__), *settings["activations"][:1]]))
    best = min(loss, key=loss.__getitem__)
    flat = middle([r["at_start"]["saturated"] for r in deep[told[0]]])
    arrives = " and ".join(f"{reach[name]:.2g} with {name}" for name in told)
    losses = ", ".join(f"{loss[name]:.3g} with {name}" for name in dict.fromkeys([*told, best]))
    sizes = " and ".join(f"{slope[name]:.2f} with {name}" for name in told)
    is_flattest = slope[told[0]] == min(slope.values())
    link = "That is because each" if is_flattest else "Slopes alone do not explain it: each"
    return (
        f"At depth {depth}, {arrives} of the last layer's gradient norm arrives at the first "
        f"layer, and after {_updates(records)} updates the loss is {losses} (knowing nothing: "
        f"{KNOWING_NOTHING:.2f}). {link} of the {depth - 1} activations multiplies what flows "
        f"back by its slopes, in the root mean square {sizes} ({percent(flat)} of the units of "
        f"{told[0]} are saturated){_dead(deep)}."
    )


def _dead(deep: Mapping[str, Sequence[Record]]) -> str:
    """Which activations have dead units."""
    at_start, after = (
        {name: middle([r[when]["dead"] for r in found]) for name, found in deep.items()}
        for when in ("at_start", "after")
    )
    dying = [name for name in deep if at_start[name] or after[name]]
    if not dying:
        return "; no activation has dead units"
    told = " and ".join(
        f"{percent(at_start[name])} of the units of {name} ({percent(after[name])} after training)"
        for name in dying
    )
    others = ", and none of the others" if len(dying) < len(deep) else ""
    return f"; a slope that is 0 on every row leaves dead {told}{others}"
