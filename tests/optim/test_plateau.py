"""Reductions on a plateau against those of PyTorch, frozen by freeze.py."""

import json
import types
from pathlib import Path

import descent_problem as problem
import pytest

from pullback.errors import UsageError
from pullback.training import ReduceOnPlateau

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text(encoding="utf-8"))


def factors(callback, losses, start=1.0):
    training = types.SimpleNamespace(rate_factor=start, resumed=False)
    callback.on_begin(training)
    found = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch(training, {"epoch": epoch, "validation_loss": loss})
        found.append(training.rate_factor)
    return found


def test_factors_of_pytorch():
    callback = ReduceOnPlateau(factor=0.5, patience=3, least_improvement=0.05, least_factor=0.02)
    found = factors(callback, problem.losses())
    assert found == FROZEN["plateau"]["factors"]  # halves are exact
    assert len(set(found)) > 5


def test_a_factor_below_the_least_is_not_raised():
    callback = ReduceOnPlateau(patience=1, least_factor=0.5)
    assert factors(callback, [1.0, 1.0, 1.0], start=0.25) == [0.25] * 3


@pytest.mark.parametrize("value", [1, -0.5, 2.0, float("nan"), True, None, "0.1"])
def test_factors_out_of_range(value):
    with pytest.raises(UsageError) as caught:
        ReduceOnPlateau(factor=value)
    assert str(caught.value) == f"ReduceOnPlateau(factor={value!r}): it must be in (0, 1)."
    with pytest.raises(UsageError) as caught:
        ReduceOnPlateau(least_factor=value)
    assert str(caught.value) == f"ReduceOnPlateau(least_factor={value!r}): it must be in [0, 1)."
