"""`pb.diagnose`: look for the usual ailments of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from .columns import column_findings
from .finding import Diagnosis
from .learning import by_heart_finding, gradient_finding, start_finding, update_finding
from .subject import subject_of
from .units import FLAT, MOSTLY, unit_findings

__all__ = ["FLAT", "MOSTLY", "diagnose"]


def diagnose(
    model: Any, X: Any, y: Any, *, loss: Any = None, optimizer: Any = None, seed: int = 0
) -> Diagnosis:
    """Look for what keeps a network from learning.

    Looked at, in this order: input columns (constant, of very different sizes), the loss at the
    start against log K, units that are dead or saturated on the given rows, the gradient's norm
    layer by layer, the size of the first update against the weights, and whether the network can
    learn 20 rows by heart. Everything is read off the derived program of the loss.

    Args:
        model: A `Sequential`, which is looked at with its initial weights, or what `prepare` has
            made of one; or a trained `Model`, or a `Run`.
        X: Finite numbers of shape (rows, columns), unscaled.
        y: Labels or targets, as for `pb.train`.
        loss: As for `pb.train`; only for a `Sequential`.
        optimizer: The update rule whose next step is looked at: that of the prepared run, or
            `SGD()`, when None. A learning rate of None is that of the run, else the default for
            32 rows.
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
    with np.errstate(all="ignore"):  # what overflows is told in the findings
        subject = subject_of(model, X, y, loss, optimizer, seed)
        signals = subject.signals()
        findings = [
            *column_findings(subject.model, subject.inputs),
            *start_finding(subject, signals),
            *unit_findings(signals, len(subject.x)),
            *gradient_finding(subject, signals),
            update_finding(subject),
            by_heart_finding(subject),
        ]
    return Diagnosis(tuple(findings))
