"""Every update rule on a narrow valley, the same one turned, Rosenbrock's, and digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data import Dataset
from ..engines.blas import one_blas_thread
from ..losses import CrossEntropy
from ..optim import LBFGS, OPTIMIZERS
from ..training import prepare
from .common import Record, accuracy, digits, each, middle, one_of, stack, trained, where
from .landscape import heights, loss_of
from .report import OnProgress, Report, Table, spread
from .surfaces import Descent, Surface, descend, descend_by_lbfgs, surfaces

QUESTION = "Which update rule, and what happens when its learning rate is too low or too high?"

SETTINGS: Mapping[str, Any] = {
    "optimizers": list(OPTIMIZERS),
    "learning_rates": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0],
    "condition": 100.0,
    "angle": 30.0,
    "steps": 1000,
    "target": 1e-4,
    "digits_learning_rates": [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0],
    "epochs": 10,
    "batch_size": 128,
    "units": 32,
    "grid": 121,
    "seeds": [0, 1, 2],
}
"""target: the share of the height at the start below which a descent has arrived."""

QUICK: Mapping[str, Any] = {
    "optimizers": ["sgd", "momentum", "adam"],
    "learning_rates": [1e-3, 1e-2, 1e-1],
    "steps": 300,
    "digits_learning_rates": [1e-2, 1e-1],
    "epochs": 2,
    "grid": 9,
    "seeds": [0],
}

DIGITS = "digits"
SOLVER = "L-BFGS"
FACTORS = {"too low": 0.1, "good": 1.0, "too high": 10.0}
"""Learning rates as multiples of the good one."""


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Every rule at every learning rate on every problem, and L-BFGS."""
    lands = surfaces(settings["condition"], settings["angle"])
    rules = settings["optimizers"]
    for name in rules:
        one_of("optimizer", name, OPTIMIZERS)
    problems = [*lands, DIGITS]
    records: list[dict[str, Any]] = []
    with one_blas_thread():
        data = digits()
        for problem, name in each(
            [(p, r) for p in problems for r in [*rules, SOLVER]], on_progress
        ):
            if isinstance(problem, Surface):
                records += _on_surface(name, problem, settings)
            else:
                records += _on_digits(name, data, settings)
    numbers = {
        "surfaces": {land.name: _drawn(land, settings["grid"]) for land in lands},
        "records": records,
    }
    tables = [_surface_table(records, land, settings) for land in lands]
    tables.append(_digits_table(records, settings))
    return Report("optimizers", dict(settings), numbers, tuple(tables), _seen(records, settings))


# Measuring.


def _on_surface(name: str, land: Surface, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps, target = settings["steps"], settings["target"] * land.at(*land.start)
    if name == SOLVER:
        descent, evaluations = descend_by_lbfgs(land, steps)
        return [_descended(name, land, None, descent, target) | {"evaluations": evaluations}]

    def at_rate(rate: float) -> dict[str, Any]:
        descent = descend(land, OPTIMIZERS[name](learning_rate=rate), steps)
        return _descended(name, land, rate, descent, target)

    return _with_neighbours(at_rate, settings["learning_rates"])


def _descended(
    name: str, land: Surface, rate: float | None, descent: Descent, target: float
) -> dict[str, Any]:
    return {
        "problem": land.name,
        "optimizer": name,
        "learning_rate": rate,
        "loss": [None if descent.diverged else descent.heights[-1]],
        "steps": descent.settled(target),
        "path": [list(point) for point in descent.path],
    }


def _on_digits(name: str, data: Dataset, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    if name == SOLVER:
        return [_learned(name, None, data, settings)]
    return _with_neighbours(
        lambda rate: _learned(name, rate, data, settings), settings["digits_learning_rates"]
    )


def _learned(
    name: str, rate: float | None, data: Dataset, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The digits with every seed; an iteration of L-BFGS has all rows, as others' epochs do."""
    solves = rate is None
    epochs = settings["epochs"]
    losses, accuracies, curves = [], [], []
    for seed in settings["seeds"]:
        prepared = prepare(
            stack(2, settings["units"], "relu", outputs=10),
            data.X,
            data.y,
            loss=CrossEntropy(),
            optimizer=LBFGS(epochs) if solves else OPTIMIZERS[name](learning_rate=rate),
            batch_size="full" if solves else settings["batch_size"],
            epochs=epochs,
            scaling="standard",
            seed=seed,
        )
        run, diverged = trained(prepared)
        with np.errstate(all="ignore"):  # far out, logits overflow
            loss = loss_of(prepared)(run.model.params)
        losses.append(None if diverged or not math.isfinite(loss) else loss)
        accuracies.append(accuracy(run, data))
        curves.append([float(record["loss"]) for record in run.history])
    return {
        "problem": DIGITS,
        "optimizer": name,
        "learning_rate": rate,
        "loss": losses,
        "steps": None,
        "accuracy": accuracies,
        "curve": curves,
    }


def _with_neighbours(
    measured: Callable[[float], dict[str, Any]], rates: Sequence[float]
) -> list[dict[str, Any]]:
    """What is measured at every learning rate, and at those beside the good one."""
    records = [measured(rate) for rate in rates]
    good = good_of(records)["learning_rate"]
    beside = [_times(good, factor) for factor in FACTORS.values()]
    return records + [measured(rate) for rate in beside if rate not in rates]


def _times(rate: float, factor: float) -> float:
    """The product as it would be written: 0.003, not 0.0029999999999999996."""
    return float(f"{rate * factor:.6g}")


def good_of(records: Sequence[Record]) -> Record:
    """The record of the fewest steps to the target; where none arrives, of the lowest loss."""
    return min(records, key=order_of)


def order_of(record: Record) -> tuple[float, float]:
    """The smaller, the better."""
    return _steps(record), _loss(record)


def _steps(record: Record) -> float:
    return math.inf if record["steps"] is None else float(record["steps"])


def _loss(record: Record) -> float:
    """The median over seeds; infinity where it diverged."""
    return middle([math.inf if loss is None else loss for loss in record["loss"]])


def with_rates(
    records: Sequence[Record], problem: str, name: str, settings: Mapping[str, Any]
) -> dict[str, Record]:
    """The records of a rule at a learning rate that is too low, good and too high."""
    found = where(records, problem=problem, optimizer=name)
    rates = settings["digits_learning_rates" if problem == DIGITS else "learning_rates"]
    good = good_of([record for record in found if record["learning_rate"] in rates])
    return {
        word: where(found, learning_rate=_times(good["learning_rate"], factor))[0]
        for word, factor in FACTORS.items()
    }


def _drawn(land: Surface, grid: int) -> dict[str, Any]:
    return heights(land.at, land.view, grid)


# Telling.


def _surface_table(records: Sequence[Record], land: Surface, settings: Mapping[str, Any]) -> Table:
    rows = []
    for name in settings["optimizers"]:
        found = with_rates(records, land.name, name, settings)
        cells = [_way(found[word]) for word in FACTORS]
        rows.append((name, f"{found['good']['learning_rate']:g}", *cells))
    solved = where(records, problem=land.name, optimizer=SOLVER)[0]
    rows.append((SOLVER, "-", "", f"{_way(solved)} ({solved['evaluations']} gradients)", ""))
    return Table(
        f"{land.name.capitalize()}: steps until the height stays below {settings['target']:g} of "
        f"that at the start (in brackets: the height after {settings['steps']:,} steps, where "
        "that never happens)",
        ("rule", "good rate", "a tenth of it", "good", "ten times it"),
        tuple(rows),
    )


def _way(record: Record) -> str:
    if record["steps"] is not None:
        return f"{record['steps']:,}"
    return "diverged" if record["loss"][0] is None else f"({record['loss'][0]:.2g})"


def _digits_table(records: Sequence[Record], settings: Mapping[str, Any]) -> Table:
    rows = []
    for name in settings["optimizers"]:
        found = with_rates(records, DIGITS, name, settings)
        good = found["good"]
        losses = [_learned_to(found[word]) for word in FACTORS]
        rows.append((name, f"{good['learning_rate']:g}", *losses, _accuracy(good)))
    solved = where(records, problem=DIGITS, optimizer=SOLVER)[0]
    rows.append((SOLVER, "-", "", _learned_to(solved), "", _accuracy(solved)))
    return Table(
        f"Digits: cross-entropy of the training rows after {settings['epochs']} epochs in batches "
        f"of {settings['batch_size']} ({SOLVER}: as many iterations with all rows)",
        ("rule", "good rate", "a tenth of it", "good", "ten times it", "held-out accuracy, %"),
        tuple(rows),
    )


def _learned_to(record: Record) -> str:
    kept = [loss for loss in record["loss"] if loss is not None]
    failed = len(record["loss"]) - len(kept)
    told = [spread(kept, 2)] if kept else []
    return ", ".join(told + ([f"{failed} diverged"] if failed else []))


def _accuracy(record: Record) -> str:
    return spread([100 * accuracy for accuracy in record["accuracy"]])


def _seen(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """Who is first where, and what turning does; what a wrong rate costs, and why."""
    rules = settings["optimizers"]
    names = [land.name for land in surfaces(settings["condition"], settings["angle"])]
    found = {
        (problem, rule): with_rates(records, problem, rule, settings)
        for problem in [*names, DIGITS]
        for rule in rules
    }
    leaders = [_leader(found, problem, rules) for problem in names]
    solver = _listed([_told(where(records, problem=p, optimizer=SOLVER)[0]) for p in names])
    return (
        f"At its good rate {leaders[0]} is first on the valley along the axes, {leaders[1]} on the "
        f"same one turned and {leaders[2]} on the bent one, while {SOLVER}, which learns the "
        f"curvature, takes {solver}{_turning(found, names, rules)}. "
        f"{_wrong_rates(list(found.values()))}, because the steepest direction limits the rate "
        "and the flattest one decides how many steps it then takes."
    )


def _leader(found: Mapping[Any, Any], problem: str, rules: Sequence[str]) -> str:
    best = good_of([found[problem, rule]["good"] for rule in rules])
    return f"{best['optimizer']} ({_told(best)})"


def _turning(found: Mapping[Any, Any], names: Sequence[str], rules: Sequence[str]) -> str:
    """Which rules see no difference between the valley and the turned one, and which are slower."""
    order = {(p, r): order_of(found[p, r]["good"]) for p in names[:2] for r in rules}
    same = [
        r for r in rules if _told(found[names[0], r]["good"]) == _told(found[names[1], r]["good"])
    ]
    slower = [r for r in rules if r not in same and order[names[1], r] > order[names[0], r]]
    if not slower:
        return ""
    kept = f" makes no difference to {_listed(same)} and" if same else ""
    return (
        f"; turning the valley{kept} slows down {_listed(slower)}, whose scale for each single "
        "weight fits a valley along the axes only"
    )


def _wrong_rates(found: Sequence[Mapping[str, Record]]) -> str:
    """How many diverge at too high a rate, and how many more steps too low a one takes."""
    lost = sum(None in rates["too high"]["loss"] for rates in found)
    slower = [
        _steps(rates["too low"]) / max(1, _steps(rates["good"]))
        for rates in found
        if rates["good"]["steps"] is not None
    ]
    longer = f"{middle(slower):.2g} times as many steps" if slower else "more steps"
    if slower and math.isinf(middle(slower)):
        longer = "too many steps to arrive"
    return (
        f"Ten times the good rate diverges in {lost} of {len(found)} cases, and a tenth of it "
        f"takes the median descent {longer}"
    )


def _told(record: Record) -> str:
    way = _way(record)
    return f"{way} steps" if record["steps"] is not None else way.replace("(", "height ").strip(")")


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
