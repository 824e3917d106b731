"""Full batch, mini-batches, one row at a time: what a step costs, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, product
from typing import Any

import numpy as np

from ..data import Dataset
from ..engines.blas import one_blas_thread
from ..engines.reference import executable
from ..errors import UsageError
from ..losses import CrossEntropy
from ..training import Prepared, prepare
from .common import Record, Snapshots, accuracy, digits, each, middle, stack, trained, where
from .landscape import Params, Plane, heights, loss_of
from .report import OnProgress, Report, Table, spread
from .signals import norm

QUESTION = "What does the full batch give that mini-batches do not, and one row at a time?"

SETTINGS: Mapping[str, Any] = {
    "epochs": {"1": 15, "32": 100, "full": 1500},
    "units": 32,
    "noise_sizes": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    "draws": 100,
    "grid": 41,
    "seeds": [0, 1, 2],
}
"""epochs: how often each batch size sees all rows, which takes each about as long."""

QUICK: Mapping[str, Any] = {
    "epochs": {"1": 2, "32": 8, "full": 30},
    "noise_sizes": [1, 8, 64],
    "draws": 50,
    "grid": 7,
    "seeds": [0],
}

CURVE_POINTS, PATH_POINTS = 150, 500
"""About how many points of a curve and of a path are kept."""

EVERYTHING = "full"

LEVEL = 1.05
"""Losses within this factor count as equal."""

PLACES = ("at the start", "after training")


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Train with each batch size, map the loss around the first seed's paths, measure noise."""
    names = list(settings["epochs"])
    if len(names) < 2 or not all(map(_is_batch_size, names)):
        raise UsageError(
            "batches: epochs needs two batch sizes or more to compare, each full or a whole number "
            'of at least 1, such as {"32": 100, "full": 1500}.'
        )
    if len(set(settings["noise_sizes"])) < 2:
        raise UsageError("batches: noise_sizes needs two different numbers of rows or more.")
    data = digits()
    cases = list(product(settings["seeds"], names))
    records, ends, kept = [], {}, {}
    with one_blas_thread():
        for seed, name in each(cases, on_progress):
            prepared = _prepared(data, name, settings, seed)
            record, snapshots = _record(prepared, name, data)
            records.append(record)
            ends[seed, name] = snapshots[max(snapshots)]
            if seed == settings["seeds"][0]:
                kept[name] = snapshots
        terrain = _terrain(
            _prepared(data, names[0], settings, settings["seeds"][0]), kept, settings
        )
        noise = [
            entry
            for seed in settings["seeds"]
            for entry in _noise(
                _prepared(data, names[0], settings, seed), ends[seed, _small(names)], settings, seed
            )
        ]
    numbers = {"records": records, "terrain": terrain, "noise": noise}
    tables = (_regime_table(records, names), _noise_table(noise, settings))
    return Report("batches", dict(settings), numbers, tables, _seen(numbers, names))


def _is_batch_size(name: str) -> bool:
    return name == EVERYTHING or (name.isascii() and name.isdigit() and int(name) > 0)


def _small(names: Sequence[str]) -> str:
    """The batch size whose end is where noise is measured, and which spans the map."""
    return names[(len(names) - 1) // 2]


# Measuring.


def _prepared(data: Dataset, name: str, settings: Mapping[str, Any], seed: int) -> Prepared:
    return prepare(
        stack(2, settings["units"], "relu", outputs=10),
        data.X,
        data.y,
        loss=CrossEntropy(),
        batch_size=name if name == EVERYTHING else int(name),
        epochs=settings["epochs"][name],
        scaling="standard",
        seed=seed,
    )


def _record(
    prepared: Prepared, name: str, data: Dataset
) -> tuple[dict[str, Any], dict[int, Params]]:
    """One run: its loss on all training rows at some epochs' ends, and weights along its way."""
    plan = prepared.plan
    steps, loss = len(plan.slices), loss_of(prepared)
    epochs = _thinned(plan.epochs, CURVE_POINTS)
    watch = Snapshots(
        [*(steps * epoch for epoch in epochs), *_thinned(steps * plan.epochs, PATH_POINTS)]
    )
    run, diverged = trained(prepared, [watch])
    done = [epoch for epoch in epochs if steps * epoch in watch.params]
    seconds = list(accumulate(record["seconds"] for record in run.history))
    record = {
        "batch_size": name,
        "seed": prepared.settings["seed"],
        "rows_per_step": plan.step_rows,
        "learning_rate": plan.learning_rate,
        "steps_per_epoch": steps,
        "epochs": done,
        "loss": [loss(watch.params[steps * epoch]) for epoch in done],
        "seconds": [seconds[epoch] for epoch in done],
        "accuracy": accuracy(run, data),
        "diverged": diverged,
    }
    return record, watch.params


def _thinned(last: int, points: int) -> list[int]:
    """0 to last, all or about `points` of them: close together at first, wide apart later."""
    spaced = np.linspace(0, np.sqrt(last), points) ** 2
    return sorted(set(range(min(last, 10) + 1)) | set(np.round(spaced).astype(int).tolist()))


def _terrain(
    prepared: Prepared, kept: Mapping[str, Mapping[int, Params]], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The loss on the plane through the start and the ends of two runs, and all paths on it."""
    names = list(kept)
    ends = {name: snapshots[max(snapshots)] for name, snapshots in kept.items()}
    start = kept[names[0]][0]
    plane = Plane.through(start, ends[names[-1]], ends[_small(names)])
    paths = {
        name: [plane.shadow(snapshots[update]) for update in sorted(snapshots)]
        for name, snapshots in kept.items()
    }
    loss = loss_of(prepared)
    points = [point for path in paths.values() for point in path]
    return {
        "paths": {name: [list(point) for point in path] for name, path in paths.items()},
        "plane": [names[-1], _small(names)],
        "within": {name: plane.share_within(end) for name, end in ends.items()},
        "map": heights(lambda x, y: loss(plane.at(x, y)), points, settings["grid"]),
    }


def _noise(
    prepared: Prepared, end: Params, settings: Mapping[str, Any], seed: int
) -> list[dict[str, Any]]:
    """How far gradients of a few rows stray from that of all, over that one's length."""
    problem, rows = prepared.problem, prepared.plan.rows
    derive = executable(problem.gradient()).flat
    random = np.random.default_rng(seed)
    found = []
    for place, params in zip(PLACES, (problem.params, end), strict=True):

        def gradient(of: Any, params: Params = params) -> Any:
            return derive(*of.flat, *params.values(), *problem.state.values())["gradients"]

        full = gradient(rows)
        for size in settings["noise_sizes"]:
            drawn = random.integers(len(rows), size=(settings["draws"], size))
            strays = [
                norm({name: g - full[name] for name, g in gradient(rows.chosen(chosen)).items()})
                for chosen in drawn
            ]
            noise = float(np.sqrt(np.mean(np.square(strays))) / norm(full))
            found.append({"place": place, "seed": seed, "rows": size, "noise": noise})
    return found


# Telling.


def slope(noise: Sequence[Record]) -> float:
    """Of the logarithm of the noise over that of the rows: a least-squares line."""
    rows, values = ([r[what] for r in noise] for what in ("rows", "noise"))
    return float(np.polyfit(np.log(rows), np.log(values), 1)[0])


def told(name: str) -> str:
    """A batch size in words."""
    if name == EVERYTHING:
        return "full batch"
    return "one row at a time" if name == "1" else f"{name} rows"


def _loss_after(record: Record, what: str, amount: float) -> float:
    """The loss after an amount of epochs or seconds, between two points in proportion."""
    return float(np.interp(amount, record[what], record["loss"]))


def _common(records: Sequence[Record]) -> dict[str, float]:
    """How far every run got: in epochs, and in seconds."""
    return {what: min(record[what][-1] for record in records) for what in ("epochs", "seconds")}


def _regime_table(records: Sequence[Record], names: Sequence[str]) -> Table:
    common = _common(records)
    rows = []
    for name in names:
        found = where(records, batch_size=name)
        per_epoch = [1000 * r["seconds"][-1] / r["epochs"][-1] for r in found]
        rows.append(
            (
                told(name),
                f"{found[0]['learning_rate']:.3g}",
                f"{found[0]['steps_per_epoch']:,}",
                spread(per_epoch, 2),
                spread([_loss_after(r, "epochs", common["epochs"]) for r in found]),
                spread([_loss_after(r, "seconds", common["seconds"]) for r in found]),
                spread([100 * r["accuracy"] for r in found]),
            )
        )
    heads = (
        "batch",
        "learning rate",
        "steps an epoch",
        "ms an epoch",
        f"loss after {common['epochs']:.0f} epochs",
        f"loss after {common['seconds']:.2g} s",
        "held-out accuracy, %",
    )
    return Table("The same network and rows, batch by batch", heads, tuple(rows))


def _noise_table(noise: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    rows = [
        (
            str(size),
            *(
                spread([r["noise"] for r in where(noise, rows=size, place=place)])
                for place in PLACES
            ),
        )
        for size in settings["noise_sizes"]
    ]
    slopes = tuple(f"{slope(where(noise, place=place)):.3f}" for place in PLACES)
    return Table(
        "Noise of the gradient: its root mean square distance from the full one, over its length",
        ("rows", *PLACES),
        (*rows, ("slope, log-log", *slopes)),
    )


def _seen(numbers: Mapping[str, Any], names: Sequence[str]) -> str:
    records = numbers["records"]
    common = _common(records)
    found = {name: where(records, batch_size=name) for name in names}
    loss = {
        what: {n: middle([_loss_after(r, what, upto) for r in of]) for n, of in found.items()}
        for what, upto in common.items()
    }
    losses = {what: _listed({n: f"{v:.2g}" for n, v in of.items()}) for what, of in loss.items()}
    counts = _listed({name: f"{of[0]['steps_per_epoch']:,}" for name, of in found.items()})
    step = _listed(
        {name: f"{1000 * middle([*map(_step_time, of)]):.2g}" for name, of in found.items()}
    )
    row_time = {
        n: middle([_step_time(r) / r["rows_per_step"] for r in of]) for n, of in found.items()
    }
    measured = slope(where(numbers["noise"], place=PLACES[0]))
    law = (
        "four times the rows halve it"
        if abs(measured + 0.5) < 0.1
        else "other than the -1/2 of independent rows"
    )
    return (
        f"After {common['epochs']:.0f} epochs the loss is {losses['epochs']}, and after the same "
        f"{common['seconds']:.2g} s it is {losses['seconds']}: by epochs "
        f"{_leaders(loss['epochs'])} ahead, by the clock {_leaders(loss['seconds'])}. "
        f"The steps of an epoch are {counts}, and the noise that few rows bring falls only as the "
        f"rows to the power {measured:.2f} ({law}), so that many rough steps go further than few "
        f"exact ones; but the milliseconds of a step are {step}, so that a row costs "
        f"{row_time[names[0]] / row_time[_small(names)]:.2g} times as much time in steps of "
        f"{told(names[0])} as in steps of {told(_small(names))}."
    )


def _listed(words: Mapping[str, str]) -> str:
    return ", ".join(f"{word} ({told(name)})" for name, word in words.items())


def _leaders(losses: Mapping[str, float]) -> str:
    """All that are level with the best."""
    best = min(losses.values())
    names = [told(name) for name, loss in losses.items() if loss <= LEVEL * best]
    return " and ".join(names) + (" is" if len(names) == 1 else " are")


def _step_time(record: Record) -> float:
    """Seconds of a step, over the whole run."""
    return float(record["seconds"][-1] / (record["epochs"][-1] * record["steps_per_epoch"]))
