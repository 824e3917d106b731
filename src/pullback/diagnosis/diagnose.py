"""`pb.diagnose`: look for the usual ailments of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import UsageError
from ..losses.losses import LOSSES
from ..models import Model
from ..nn import Sequential
from ..optim import SGD, Adam
from ..training import Run, prepare
from ..training.results import compared
from ..training.settings import checked_rule, is_solver
from .columns import column_findings
from .finding import FINE, PROBLEM, WARNING, Diagnosis, Finding
from .signals import Signals, signals_of

HEALTHY = (1e-5, 0.3)
"""The band of update to weight in which a first step neither creeps nor leaps."""
FLAT = 0.01
"""A slope below this hardly hands the error signal on."""
MOSTLY = 0.99
VANISHED = 1e-3
ROWS_TO_LEARN, STEPS_TO_LEARN = 20, 300
RIGHT = 0.9


def diagnose(
    model: Any, X: Any, y: Any, *, loss: Any = None, optimizer: Any = None, seed: int = 0
) -> Diagnosis:
    """Look for what keeps a network from learning.

    Looked at, in this order: input columns (constant, of very different sizes), the loss at the
    start against log K, units that are dead or saturated on the given rows, the gradient's norm
    layer by layer, the size of the first update against the weights, and whether the network can
    learn 20 rows by heart. Everything is read off the derived program of the loss.

    Args:
        model: A `Sequential`, which is looked at with its initial weights; or a trained `Model`,
            or a `Run`.
        X: Finite numbers of shape (rows, columns), unscaled.
        y: Labels or targets, as for `pb.train`.
        loss: As for `pb.train`; only for a `Sequential`.
        optimizer: The update rule whose first step is looked at; `SGD()` with its default
            learning rate for 32 rows when None.
        seed: Of the initial weights of a `Sequential`.

    Returns:
        The findings; `print` shows them, `ailments` are those that are not fine.

    Raises:
        UsageError: When the model is none.
        DataError: When the data cannot be used.

    Example:
        >>> import numpy as np, pullback as pb
        >>> X = np.random.default_rng(0).normal(size=(60, 4))
        >>> net = pb.nn.Sequential(pb.nn.Dense(8), pb.nn.ReLU(), pb.nn.Dense(2))
        >>> print(pb.diagnose(net, X, X[:, 0] > 0)["dead units"])
        fine     dead units: none of 8 hidden units is dead on all 60 rows.

    Source: the checks of Stanford's CS231n, "Neural Networks Part 2 and 3".
    """
    untrained = isinstance(model, Sequential)
    if untrained:
        model = prepare(model, X, y, loss=loss, seed=seed).model()
    elif isinstance(model, Run):
        model = model.model
    if not isinstance(model, Model):
        raise UsageError(f"model={model!r}: it must be a pb.nn.Sequential, a Model or a Run.")
    rows, labels = model.rows_of(X), model.targets_of(y)
    if len(rows) != len(labels):
        raise UsageError(f"X has {len(rows)} rows, y has {len(labels)}.")
    with np.errstate(all="ignore"):  # what overflows is told in the findings
        signals = signals_of(model, rows, labels, model.params)
        findings = [
            *column_findings(model, signals.values.get("scaled", rows)),
            *(_loss_at_start(model, signals) if untrained else ()),
            *_units(signals, len(rows)),
            *_gradients(signals),
            _updates(model, signals, optimizer),
            _by_heart(model, rows, labels),
        ]
    return Diagnosis(tuple(findings))


def _loss_at_start(model: Model, signals: Signals) -> Iterator[Finding]:
    if model.classes is None or model.info.get("loss") != "CrossEntropy":
        return
    chance = float(np.log(len(model.classes)))
    numbers = {"loss": signals.loss, "log_classes": chance}
    seen = f"{signals.loss:.4g}; a guess among {len(model.classes)} classes costs {chance:.4g}."
    if signals.loss > 1.5 * chance + 0.5 or not np.isfinite(signals.loss):
        yield Finding(
            "loss at the start",
            PROBLEM,
            seen,
            "The network is confidently wrong before it has learned: scale the inputs "
            "(scaling='standard') or begin with smaller weights.",
            "initializers",
            numbers,
        )
    else:
        yield Finding("loss at the start", FINE, seen, numbers=numbers)


def _units(signals: Signals, rows: int) -> Iterator[Finding]:
    dead: dict[str, int] = {}
    saturated: dict[str, int] = {}
    units = 0
    for name, slopes in signals.slopes():
        known = ~np.isnan(slopes)
        is_flat = known & (slopes < FLAT)
        seen = np.maximum(np.sum(known, axis=0), 1)
        stuck = np.all(~known | (slopes == 0), axis=0) & np.any(known, axis=0)
        constant = np.ptp(signals.values[name], axis=0) == 0
        gone = stuck | constant
        dead[name] = int(np.sum(gone))
        saturated[name] = int(np.sum((np.sum(is_flat, axis=0) / seen >= MOSTLY) & ~gone))
        units += slopes.shape[1]
    if not units:
        return
    yield _unit_finding(
        "dead units",
        dead,
        units,
        f"dead on all {rows:,} rows",
        "They hand no error signal on and learn no more: try LeakyReLU or ELU, a smaller learning "
        "rate, He weights, or BatchNorm in front of the activation.",
    )
    yield _unit_finding(
        "saturated units",
        saturated,
        units,
        f"saturated (slope below {FLAT}) on {MOSTLY:.0%} of the rows",
        "Their slope stops the error signal: scale the inputs, begin with smaller weights, or "
        "use ReLU in the place of sigmoid and tanh.",
    )


def _unit_finding(what: str, counts: dict[str, int], units: int, how: str, advice: str) -> Finding:
    total = sum(counts.values())
    if not total:
        return Finding(what, FINE, f"none of {units} hidden units is {how}.", numbers=counts)
    where = ", ".join(f"{count} in {name}" for name, count in counts.items() if count)
    level = PROBLEM if total > units / 4 else WARNING
    verb = "is" if total == 1 else "are"
    seen = f"{total} of {units} hidden units {verb} {how}: {where}."
    return Finding(what, level, seen, advice, "activations", counts)


def _gradients(signals: Signals) -> Iterator[Finding]:
    norms = {
        name: float(np.linalg.norm(gradient))
        for name, gradient in signals.gradients.items()
        if np.ndim(gradient) > 1
    }
    if not norms:
        return
    first, last = next(iter(norms.values())), list(norms.values())[-1]
    text = ", ".join(f"{name} {norm:.2g}" for name, norm in norms.items())
    if not all(np.isfinite(list(norms.values()))):
        kind, advice = "not finite", "Begin with smaller weights or scale the inputs."
    elif last == 0 or first < VANISHED * last:
        kind = "vanishing" if first < VANISHED * last or first == 0 else "zero"
        advice = (
            "The first layers hear nothing of the loss: use ReLU or SELU with the weights that "
            "suit it, normalization, or fewer layers."
        )
    elif first > last / VANISHED:
        kind = "exploding"
        advice = "Begin with smaller weights, normalize, or clip the gradient (clip_norm=1.0)."
    else:
        yield Finding("gradient norms", FINE, f"{text}.", numbers=norms)
        return
    yield Finding("gradient norms", PROBLEM, f"{kind}: {text}.", advice, "initializers", norms)


def _updates(model: Model, signals: Signals, optimizer: Any) -> Finding:
    rule = checked_rule(SGD() if optimizer is None else optimizer)
    if is_solver(rule):
        return Finding("update to weight", FINE, "a solver finds the length of its steps itself.")
    rate = rule.learning_rate
    if rate is None:
        named = {made.__name__: made for made in LOSSES.values() if isinstance(made, type)}
        rates = getattr(named.get(str(model.info.get("loss"))), "default_rates", (0.2, 0.01))
        rate = rule.default_learning_rate(rates, 32, "mean")
    params = dict(model.params)
    moved, _ = rule.update(
        dict(signals.gradients), rule.init(params), params, rule.numbers(1, rate)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {
            name: float(np.linalg.norm(moved[name] - value) / np.linalg.norm(value))
            for name, value in params.items()
            if np.ndim(value) > 1
        }
    text = ", ".join(f"{name} {ratio:.2g}" for name, ratio in ratios.items())
    low, high = HEALTHY
    seen = f"{text} (learning rate {rate:g}); 1e-3 is usual, {low:g} to {high:g} is healthy."
    if any(not ratio <= high for ratio in ratios.values()):
        advice = "The first step leaps: try a smaller learning rate, or other initial weights."
    elif all(ratio < low for ratio in ratios.values()):
        advice = "The first step creeps: try a larger learning rate, or look at the gradients."
    else:
        return Finding("update to weight", FINE, seen, numbers=ratios)
    return Finding("update to weight", WARNING, seen, advice, "optimizers", ratios)


def _by_heart(model: Model, rows: Any, labels: Any) -> Finding:
    """Whether a few hundred steps of Adam make the network right on a few rows."""
    chosen = np.linspace(0, len(rows) - 1, min(ROWS_TO_LEARN, len(rows))).astype(int)
    few, wanted = rows[chosen], labels[chosen]
    rule, params = Adam(0.01), dict(model.params)
    state = rule.init(params)
    first = last = signals_of(model, few, wanted, params).loss
    step = _stepper(model)
    for number in range(1, STEPS_TO_LEARN + 1):
        last, gradients = step(few, wanted, params)
        params, state = rule.update(gradients, state, params, rule.numbers(number, 0.01))
    # Many a loss stays above 0 even where every prediction is right: of shares, of counts.
    near = last < 0.1 * first or last < 1e-3
    learned = bool(np.isfinite(last)) and (near or _are_right(model, few, wanted, params))
    numbers = {"first_loss": float(first), "last_loss": float(last)}
    seen = (
        f"the loss of {len(few)} rows goes from {first:.3g} to {last:.3g} in {STEPS_TO_LEARN} "
        "steps of Adam."
    )
    if learned:
        return Finding("learning a few rows by heart", FINE, seen, numbers=numbers)
    return Finding(
        "learning a few rows by heart",
        PROBLEM,
        seen,
        "A sound network manages that: look for equal rows with different labels, dead or "
        "saturated units, or too few units.",
        "initializers",
        numbers,
    )


def _are_right(model: Model, rows: Any, wanted: Any, params: dict[str, Any]) -> bool:
    """Whether nearly all predictions are right, or nearly all that varies is explained."""
    score = next(iter(compared(replace(model, params=params), rows, wanted).scores.values()))
    return score >= RIGHT


def _stepper(model: Model) -> Any:
    from ..differentiate import value_and_grad
    from ..engines.reference import executable

    run = executable(value_and_grad(model.programs["loss"], wrt="params")).flat

    def step(rows: Any, labels: Any, params: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        with np.errstate(all="ignore"):
            loss, gradients = run(rows, labels, *params.values())
        return float(loss), gradients

    return step
