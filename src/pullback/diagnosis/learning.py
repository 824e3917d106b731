"""Whether a network can learn: its start, its gradients, its first step, a few rows by heart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..differentiate import value_and_grad
from ..engines.reference import executable
from ..optim import Adam
from ..optim.decay import is_weight_matrix
from ..training.results import compared
from .finding import FINE, PROBLEM, WARNING, Finding
from .signals import Signals
from .subject import Subject

HEALTHY = (1e-5, 0.5)
"""The band of update to weight in which a first step neither creeps nor leaps."""
WRONG = 3.0
"""Fresh weights that suit a network may cost twice what a guess costs, as on iris; not this."""
VANISHED = 1e-3
"""A gradient that is smaller than another layer's by this factor."""
GAINS = (1e-4, 1e3)
"""The band of a weight gradient's norm, over that of the error signal at the outputs."""
ROWS_TO_LEARN, STEPS_TO_LEARN = 20, 300
RIGHT = 0.9


def start_finding(subject: Subject, signals: Signals) -> Iterator[Finding]:
    """The loss before the first step against that of a guess: log K for K classes."""
    if subject.chance is None:
        return
    chance, classes = subject.chance, subject.model.classes
    numbers = {"loss": signals.loss, "chance": chance}
    guess = "outputs of 0 cost"
    if classes is not None:
        numbers["log_classes"] = float(np.log(len(classes)))
        guess = f"a guess among {len(classes)} classes costs"
    seen = f"{signals.loss:.4g}; {guess} {chance:.4g}."
    if signals.loss <= WRONG * chance:
        yield Finding("loss at the start", FINE, seen, numbers=numbers)
        return
    yield Finding(
        "loss at the start",
        PROBLEM,
        seen,
        "The network is confidently wrong before it has learned: scale the inputs "
        "(scaling='standard') or begin with smaller weights.",
        "losses",
        numbers,
    )


def gradient_finding(subject: Subject, signals: Signals) -> Iterator[Finding]:
    """The norm of each weight matrix's gradient, from the first layer to the last."""
    norms = _matrices(signals.gradients)
    if not norms:
        return
    norms = {name: float(np.linalg.norm(gradient)) for name, gradient in norms.items()}
    first, *_, last = [*norms.values(), *norms.values()]
    behind = np.linalg.norm(signals.values.get(f"d{subject.outputs_name}", np.nan))
    gains = np.array(list(norms.values())) / (behind * np.sqrt(len(subject.x)))
    text = ", ".join(f"{name} {norm:.2g}" for name, norm in norms.items())
    if not all(np.isfinite(list(norms.values()))):
        kind, advice = "not finite", "Begin with smaller weights or scale the inputs."
    elif first < VANISHED * last or np.max(gains) < GAINS[0] or last == 0:
        kind = "vanishing" if last else "zero"
        advice = (
            "The first layers hear nothing of the loss: use ReLU or SELU with the weights that "
            "suit it, normalization, or fewer layers."
        )
    elif first > last / VANISHED or np.max(gains) > GAINS[1]:
        kind = "exploding"
        advice = (
            "Scale the inputs, begin with smaller weights, normalize, or clip the gradient "
            "(clip_norm=1.0)."
        )
    else:
        yield Finding("gradient norms", FINE, f"{text}.", numbers=norms)
        return
    yield Finding("gradient norms", PROBLEM, f"{kind}: {text}.", advice, "initializers", norms)


def update_finding(subject: Subject) -> Finding:
    """The size of the next step against the weights, parameter by parameter.

    Weight matrices are judged; biases begin at 0, where the ratio says nothing, and in front of
    BatchNorm, which takes them away again, they stay there but for rounding.
    """
    if subject.rate is None:
        return Finding("update to weight", FINE, "a solver finds the length of its steps itself.")
    params = dict(subject.params)
    hidden = list(_matrices(params))[:-1]
    silent = [name for name in hidden if not np.any(params[name])]
    if silent:
        return Finding(
            "update to weight",
            PROBLEM,
            f"{', '.join(silent)}: all weights are 0.",
            "The units of such a layer stay equal to each other for ever: begin with random "
            "weights.",
            "initializers",
        )
    gradients = dict(subject.signals(subject.spread(subject.batch)).gradients)
    rule = subject.rule
    moved, _ = rule.update(gradients, rule.init(params), params, rule.numbers(1, subject.rate))
    ratios = {
        name: float(np.linalg.norm(moved[name] - value) / np.linalg.norm(value))
        for name, value in params.items()
        if _has_size(value)
    }
    judged = np.array([ratio for name, ratio in ratios.items() if is_weight_matrix(params[name])])
    text = ", ".join(f"{name} {ratio:.2g}" for name, ratio in ratios.items())
    low, high = HEALTHY
    band = f"1e-3 is usual, {low:g} to {high:g} is healthy"
    seen = f"{text or 'all weights are 0'} (learning rate {subject.rate:g}); {band}."
    level = WARNING
    if not np.all(np.isfinite(judged)):
        level, advice = PROBLEM, "The first step is not finite: look at the gradients."
    elif np.any(judged > high):
        advice = "The first step leaps: try a smaller learning rate, or other initial weights."
    elif judged.size and np.all(judged < low):
        advice = "The first step creeps: try a larger learning rate, or look at the gradients."
    else:
        return Finding("update to weight", FINE, seen, numbers=ratios)
    return Finding("update to weight", level, seen, advice, "optimizers", ratios)


def by_heart_finding(subject: Subject) -> Finding:
    """Whether a few hundred steps of Adam make the network right on a few rows."""
    chosen = subject.spread(ROWS_TO_LEARN)
    run = executable(value_and_grad(subject.program, wrt="params")).flat
    rule, params = Adam(0.01), dict(subject.params)
    state = rule.init(params)
    losses = []
    for number in range(1, STEPS_TO_LEARN + 1):
        batch = (subject.x[chosen], subject.labels[chosen])
        loss, gradients = run(*batch, *params.values(), *subject.rest)
        losses.append(float(loss))
        params, state = rule.update(gradients, state, params, rule.numbers(number, 0.01))
    first, last = losses[0], losses[-1]
    # Many a loss stays above 0 even where every prediction is right: of shares, of counts.
    near = last < 0.1 * first or last < 1e-3
    learned = bool(np.isfinite(last)) and (near or _are_right(subject, chosen, params))
    numbers = {"first_loss": first, "last_loss": last}
    seen = (
        f"the loss of {len(chosen)} rows goes from {first:.3g} to {last:.3g} in {STEPS_TO_LEARN} "
        "steps of Adam."
    )
    if learned:
        return Finding("learning a few rows by heart", FINE, seen, numbers=numbers)
    return Finding(
        "learning a few rows by heart",
        PROBLEM,
        seen,
        "A sound network manages that: look for equal rows with different labels, dead or "
        "saturated units, too few units, or targets far from 0 (target_scaling='standard').",
        "spiral",
        numbers,
    )


def _are_right(subject: Subject, chosen: Any, params: dict[str, Any]) -> bool:
    """Whether nearly all predictions are right, or nearly all that varies is explained."""
    learned = replace(subject.model, params=params)
    scores = compared(learned, subject.X[chosen], subject.y[chosen]).scores
    return bool(next(iter(scores.values())) >= RIGHT)


def _has_size(value: Any) -> bool:
    """Whether a parameter is more than what rounding leaves of 0."""
    return bool(np.linalg.norm(value) > np.finfo(value.dtype).eps * np.sqrt(value.size))


def _matrices(arrays: Any) -> dict[str, Any]:
    """The weight matrices among named arrays, the first layer's first."""
    return {name: array for name, array in arrays.items() if is_weight_matrix(array)}
