"""Rules around rules: clipping, decoupled decay, averaging."""

import json
from pathlib import Path

import descent_problem as problem
import numpy as np
import pytest

from pullback import optim
from pullback.errors import UsageError
from pullback.optim import SGD, Adam, AdamW, Averaged, ClippedByNorm, ClippedByValue, Decayed
from pullback.optim import final_params as final

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text(encoding="utf-8"))


def stepped(rule, gradients, params):
    moved, _ = rule.update(gradients, rule.init(params), params, rule.numbers(1, 1.0))
    return {name: params[name] - moved[name] for name in params}


def test_clipping_by_norm_as_pytorch_but_for_its_epsilon():
    params, frozen = problem.start(), FROZEN["clipped by norm"]
    gradients = {name: problem.gradient(name, w, 1) for name, w in params.items()}
    clipped = stepped(ClippedByNorm(SGD(1.0), 0.5), gradients, params)
    norm = frozen["norm"]
    for name, expected in frozen["gradients"].items():
        assert np.allclose(clipped[name], np.array(expected) * (1 + 1e-6 / norm), rtol=1e-12)
    assert sum(np.sum(g**2) for g in clipped.values()) ** 0.5 == pytest.approx(0.5, rel=1e-14)


def test_a_short_gradient_is_not_clipped():
    params = {"W": np.zeros((1, 1)), "b": np.zeros(1)}
    gradients = {"W": np.array([[3.0]]), "b": np.array([-4.0])}
    assert stepped(ClippedByNorm(SGD(1.0), 5.0), gradients, params) == gradients
    assert stepped(ClippedByNorm(SGD(1.0), 2.5), gradients, params) == {"W": 1.5, "b": -2.0}
    zeros = {name: np.zeros_like(g) for name, g in gradients.items()}
    assert stepped(ClippedByNorm(SGD(1.0), 1.0), zeros, params) == zeros


def test_clipping_by_norm_of_squares_that_overflow():
    params = {"w": np.zeros(2, "f4")}
    gradients = {"w": np.array([1e30, 1.0], "f4")}
    with np.errstate(over="ignore"):
        assert stepped(ClippedByNorm(SGD(1.0), 1.0), gradients, params)["w"].tolist() == [0, 0]


def test_clipping_by_value():
    params, gradients = {"w": np.zeros(4)}, {"w": np.array([-3.0, -0.5, 0.25, 2.0])}
    clipped = stepped(ClippedByValue(SGD(1.0), 0.5), gradients, params)
    assert clipped["w"].tolist() == [-0.5, -0.5, 0.25, 0.5]


def test_the_outer_clip_comes_first():
    params, gradients = {"w": np.zeros(2)}, {"w": np.array([30.0, 40.0])}
    norm_first = ClippedByNorm(ClippedByValue(SGD(1.0), 0.7), 1.0)
    assert stepped(norm_first, gradients, params)["w"] == pytest.approx([0.6, 0.7])
    value_first = ClippedByValue(ClippedByNorm(SGD(1.0), 0.5), 0.7)
    assert stepped(value_first, gradients, params)["w"] == pytest.approx([0.5 / 2**0.5] * 2)


@pytest.mark.parametrize(
    "rule", [Decayed(Adam(), 0.5), AdamW(weight_decay=0.5), optim.Lion(weight_decay=0.5)], ids=str
)
def test_weight_matrices_alone_decay(rule):
    params = {
        "W": np.array([[2.0, -4.0]]),
        "K": np.full((1, 1, 2), 8.0),
        "b": np.array([2.0]),
        "slope": np.array(2.0),
    }
    zeros = {name: np.zeros_like(w) for name, w in params.items()}
    moved, _ = rule.update(zeros, rule.init(params), params, rule.numbers(1, 0.5))
    expected = {"W": [[1.5, -3.0]], "K": [[[6.0, 6.0]]], "b": [2.0], "slope": 2.0}
    assert {name: w.tolist() for name, w in moved.items()} == expected


def test_the_average_is_the_weighted_mean_of_the_steps():
    decay, rule = 0.8, Averaged(optim.Momentum(0.05), 0.8)
    params, state, path = problem.start(), rule.init(problem.start()), []
    for step in range(1, 13):
        gradients = {name: problem.gradient(name, w, step) for name, w in params.items()}
        params, state = rule.update(gradients, state, params, rule.numbers(step, 0.05))
        path.append(params)
        weights = [decay ** (len(path) - 1 - i) for i in range(len(path))]
        for name, average in final(rule, params, state).items():
            expected = sum(c * w[name] for c, w in zip(weights, path, strict=True)) / sum(weights)
            assert np.allclose(average, expected, rtol=1e-13)


def test_the_average_begins_with_the_initial_parameters():
    params = problem.start()
    rule = Averaged(SGD(0.1))
    for name, average in rule.final(params, rule.init(params)).items():
        assert np.array_equal(average, params[name])
        assert not np.shares_memory(average, params[name])


def test_a_decay_of_0_averages_nothing():
    rule = Averaged(SGD(0.1), 0.0)
    _, params, state = problem.trajectory(rule, 0.1)
    for name, average in rule.final(params, state).items():
        assert np.allclose(average, params[name], rtol=1e-15)


def test_the_average_reaches_through_other_wrappers():
    inside = ClippedByValue(Averaged(Adam(0.1), 0.5), 10.0)
    _, params, state = problem.trajectory(inside, 0.1)
    assert final(inside, params, state) is state["average"]
    plain = ClippedByValue(Adam(0.1), 10.0)
    assert final(plain, params, {}) is params
    assert final(Adam(0.1), params, {}) is params


@pytest.mark.parametrize("make", [Decayed, Averaged, ClippedByNorm, ClippedByValue])
def test_learning_rates_are_those_of_the_rule_inside(make):
    assert make(Adam(0.25), 0.5).learning_rate == 0.25
    rule = make(optim.Momentum(momentum=0.75), 0.5)
    assert rule.learning_rate is None
    assert rule.default_learning_rate((1.0, 0.5), 32, "mean") == 0.0625
    assert rule.describe_default_rate((1.0, 0.5), "mean").endswith("* (1 - 0.75)")


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda: ClippedByNorm(ClippedByNorm(SGD(), 1.0), 2.0), "norm_limit"),
        (lambda: ClippedByNorm(Decayed(ClippedByNorm(SGD(), 1.0)), 2.0), "norm_limit"),
        (lambda: ClippedByValue(ClippedByValue(SGD(), 1.0), 2.0), "value_limit"),
        (lambda: Averaged(Averaged(SGD())), "average_share"),
        (lambda: Decayed(AdamW()), "kept"),
        (lambda: Decayed(optim.Lion(weight_decay=0.1)), "kept"),
    ],
)
def test_wrapping_twice_is_refused(make, number):
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value).endswith(f"the rule inside sets the number {number!r} already.")


def test_a_rule_that_decays_nothing_may_be_decayed():
    assert "kept" in Decayed(AdamW(weight_decay=0.0)).numbers(1, 0.1)


class KeepsAnAverage(SGD):
    def init(self, params):
        return {"average": params}


def test_a_state_that_would_be_overwritten_is_refused():
    with pytest.raises(UsageError, match="keeps 'average' already"):
        Averaged(KeepsAnAverage(0.1)).init(problem.start())


class HasNoState:
    learning_rate = 0.1

    def numbers(self, step, learning_rate):
        return {}

    def update(self, gradients, state, params, numbers):
        return params, state


@pytest.mark.parametrize("rule", [None, 0.1, "adam", Adam, optim.LBFGS(), HasNoState()])
@pytest.mark.parametrize("make", [Decayed, Averaged, ClippedByNorm, ClippedByValue])
def test_only_rules_are_wrapped(make, rule):
    further = {"limit": 1.0} if "limit" in make.ranges else {}
    with pytest.raises(UsageError, match=r"it must wrap an update rule such as pb\.optim\.Adam"):
        make(rule, **further)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, True, None, "1"])
@pytest.mark.parametrize("make", [ClippedByNorm, ClippedByValue])
def test_limits_out_of_range(make, value):
    with pytest.raises(UsageError) as caught:
        make(SGD(), value)
    text = f"{make.__name__}(limit={value!r}): it must be a finite number above 0."
    assert str(caught.value) == text


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, np.nan, True])
def test_decays_out_of_range(value):
    with pytest.raises(UsageError, match=r"^Averaged\(decay=.*\): it must be in \[0, 1\)\.$"):
        Averaged(SGD(), value)
    if value != 1 and value != 1.5:
        with pytest.raises(UsageError, match=r"^Decayed\(weight_decay="):
            Decayed(SGD(), value)


def test_the_defaults():
    assert Decayed(SGD()).weight_decay == 0.01
    assert Averaged(SGD()).decay == 0.999
