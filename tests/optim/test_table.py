"""The numbers of many steps at once have the bits that each step has alone."""

import math

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.optim import OPTIMIZERS, Averaged, Cosine
from pullback.optim.table import Column, factors_of_steps, numbers_of_steps


class Sudden:
    """A rule whose numbers do not come from arithmetic."""

    learning_rate = 0.1

    def __init__(self, number):
        self.number = number

    def init(self, params):
        return {}

    def numbers(self, step, learning_rate):
        return {"rate": learning_rate, "own": self.number(step)}

    def update(self, gradients, state, params, numbers):
        return params, state


OWN = {
    "sin": math.sin,
    "if": lambda step: 1.0 if step > 5 else 2.0,
    "even": lambda step: 1.0 if step % 2 else 2.0,
    "dict": lambda step: {3: 1.0}.get(step, 2.0),
    "list": lambda step: [0.5, 0.25, 1.0, 2.0][step % 4],
    "text": lambda step: float(len(f"{step}")),
    "type": lambda step: 1.0 / step if isinstance(step, int) else 7.0,
    "powers": lambda step: 3 * (-(0.9**step) + step**2 - 1) / (2.0 + step * step),
    "of columns": lambda step: (1.0 / step) ** step - (0.5 * step) ** 2,
    "infinite": lambda step: step * 1e308,
    "vanishing": lambda step: 0.001 ** (step * 20) + 1e-320 * step,
    "whole": lambda step: (2**step + 1) * 0.1,
    "long": lambda step: (2**60 + step) - 1.0 * step + (2**70 - 0.5 * step),
    "negative": lambda step: -step - 0.0 * -(step * 1.0),
}
RULES = {name: (lambda make=make: make(0.01)) for name, make in OPTIMIZERS.items()}
RULES |= {name: (lambda own=own: Sudden(own)) for name, own in OWN.items()}
RULES |= {"averaged": lambda: Averaged(pb.optim.AdamW(0.1), 0.99)}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("rates", [[0.01] * 60, [0.01 / (1 + i) for i in range(60)], [0.3]])
def test_each_row_is_what_the_step_has_alone(name, rates):
    rule = RULES[name]()
    table = numbers_of_steps(rule, 3, rates)
    alone = [[*rule.numbers(3 + i, rate).values()] for i, rate in enumerate(rates)]
    assert table.dtype == np.float64
    assert table.tolist() == alone


def test_what_python_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        numbers_of_steps(Sudden(lambda step: 1.0 / (0.5 * step - 5.0)), 3, [0.1] * 60)
    with pytest.raises(OverflowError):
        numbers_of_steps(Sudden(lambda step: 10.0 ** (step * step)), 3, [0.1] * 60)


@pytest.mark.parametrize("rule", [pb.optim.Adam(), pb.optim.SGD(0.1), Averaged(pb.optim.AMSGrad())])
def test_a_rule_of_arithmetic_is_asked_once_for_all_steps(rule, monkeypatch):
    asked, numbers = [], type(rule).numbers
    monkeypatch.setattr(
        type(rule), "numbers", lambda self, *given: asked.append(given) or numbers(self, *given)
    )
    numbers_of_steps(rule, 1, [0.1] * 1000)
    assert len(asked) == 3  # a column, and the first and the last step to compare with


@pytest.mark.parametrize(
    "schedule", [Cosine(period=50), pb.optim.Constant(), lambda step: 0.5, *OWN.values()]
)
def test_factors_are_those_of_each_step(schedule):
    positive = lambda step: abs(schedule(step))  # noqa: E731
    for function in (schedule, positive):
        try:
            alone = [pb.optim.factor_at(function, 2 + i) for i in range(20)]
        except UsageError:
            continue
        assert factors_of_steps(function, 2, 20) == alone


def test_a_schedule_that_fails_later_is_told_when_its_step_comes():
    def schedule(step):
        return 1.0 if step < 5 else -1.0

    assert factors_of_steps(schedule, 2, 10) == [1.0, 1.0, 1.0]
    with pytest.raises(UsageError, match="at step 5"):
        factors_of_steps(schedule, 5, 10)


def test_a_constant_schedule_is_asked_little():
    asked = []
    assert factors_of_steps(lambda step: asked.append(0) or 0.5, 0, 1000) == [0.5] * 1000
    assert len(asked) == 3


@pytest.mark.parametrize(
    "use",
    [
        bool,
        float,
        int,
        hash,
        str,
        lambda c: c == c,
        lambda c: c < 1,
        lambda c: c != 1,
        lambda c: c + "1",
        lambda c: c * [2.0],
        lambda c: np.ones(1) - c,
    ],
)
def test_a_column_is_nothing_but_arithmetic(use):
    with pytest.raises(TypeError):
        use(Column([1.0]))
