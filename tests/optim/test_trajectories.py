"""Every rule's path against frozen numbers that were computed independently.

frozen.json holds those of PyTorch 2.13.0 (CPU, float64), written by freeze.py beside it. Lion,
which PyTorch lacks, is computed here by a loop over single numbers.

The paths are 250 steps long and differ by rounding alone, at most 2e-14 of a number: sums are
taken in another order. 1e-12 leaves room for other libraries' exp and sqrt, and no formula of
another rule comes near it.
"""

import json
from pathlib import Path

import descent_problem as problem
import numpy as np
import pytest

import pullback as pb
from pullback import optim

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text(encoding="utf-8"))

RULES = {
    "sgd": optim.SGD(0.05),
    "momentum": optim.Momentum(0.02),
    "nesterov": optim.Nesterov(0.02, momentum=0.8),
    "adagrad": optim.AdaGrad(0.1),
    "adagrad-epsilon": optim.AdaGrad(0.1, epsilon=0.1),
    "rmsprop": optim.RMSProp(0.02),
    "rmsprop-momentum": optim.RMSProp(0.02, decay=0.8, epsilon=0.01, momentum=0.5),
    "rmsprop-centered": optim.RMSProp(0.01, decay=0.9, epsilon=0.01, centered=True),
    "rmsprop-both": optim.RMSProp(0.01, decay=0.9, epsilon=0.01, centered=True, momentum=0.5),
    "adadelta": optim.AdaDelta(),
    "adadelta-settings": optim.AdaDelta(0.5, decay=0.8, epsilon=0.001),
    "adam": optim.Adam(0.05),
    "adam-settings": optim.Adam(0.05, beta1=0.8, beta2=0.95, epsilon=0.01),
    "amsgrad": optim.AMSGrad(0.05, beta2=0.8),
    "adamw": optim.AdamW(0.05),
    "adamw-settings": optim.AdamW(0.05, beta1=0.8, beta2=0.95, weight_decay=0.3),
    "adamw-amsgrad": optim.Decayed(optim.AMSGrad(0.05, beta2=0.8), 0.01),
    "clipped-by-value": optim.ClippedByValue(optim.Momentum(0.05), 0.25),
}
WITH_L2 = {
    "sgd-l2": optim.SGD(0.05),
    "momentum-l2": optim.Momentum(0.02),
    "nesterov-l2": optim.Nesterov(0.02),
    "adagrad-l2": optim.AdaGrad(0.1),
    "rmsprop-l2": optim.RMSProp(0.02),
    "adadelta-l2": optim.AdaDelta(),
    "adam-l2": optim.Adam(0.05),
}
PAIRS = [
    (optim.Decayed(optim.Adam(0.05), 0.01), "adamw"),
    (optim.Decayed(optim.SGD(0.05), 0.2), "sgd-l2"),
    (optim.AdamW(0.05, weight_decay=0.0), "adam"),
    (optim.Momentum(0.05, momentum=0.0), "sgd"),
    (optim.Nesterov(0.05, momentum=0.0), "sgd"),
    (optim.Averaged(optim.Adam(0.05)), "adam"),
    (optim.ClippedByNorm(optim.Adam(0.05), 1e6), "adam"),
]


def distance(found, expected):
    """The largest difference relative to the expected number, at any step."""
    assert found.keys() == expected.keys()
    return max(
        np.max(np.abs(np.array(found[step][name]) - values) / np.abs(values))
        for step in expected
        for name, values in ((name, np.array(v)) for name, v in expected[step].items())
    )


@pytest.mark.parametrize("name", RULES)
def test_path_of_pytorch(name):
    rule = RULES[name]
    found, _, _ = problem.trajectory(rule, rule.learning_rate)
    assert distance(found, FROZEN["trajectories"][name]) < 1e-12


@pytest.mark.parametrize("name", WITH_L2)
def test_weight_decay_of_pytorch_is_an_l2_penalty(name):
    rule, penalty = WITH_L2[name], pb.compile(pb.grad(pb.trace(pb.losses.L2(0.2), W="D H")))
    found, _, _ = problem.trajectory(rule, rule.learning_rate, penalty=penalty)
    assert distance(found, FROZEN["trajectories"][name]) < 1e-12


def test_every_frozen_path_is_compared():
    assert set(FROZEN["trajectories"]) == {*RULES, *WITH_L2}
    assert FROZEN["made with"] == "PyTorch 2.13.0 on the CPU in float64"


@pytest.mark.parametrize(("rule", "name"), PAIRS, ids=str)
def test_the_same_path_by_another_rule(rule, name):
    found, _, _ = problem.trajectory(rule, rule.learning_rate)
    assert distance(found, FROZEN["trajectories"][name]) < 1e-12


def sign(x):
    return (x > 0) - (x < 0)


def lion_path(base, beta1, beta2, decay):
    """Algorithm 2 of Chen et al. (2023), one number at a time."""
    end = {}
    for name, rows in problem.START.items():
        end[name] = [list(row) for row in rows]
        for i, row in enumerate(rows):
            for j, w in enumerate(row):
                m = 0.0
                for step in range(1, problem.STEPS + 1):
                    # The gradient of one entry: all others are computed and thrown away.
                    whole = np.full_like(problem.start()[name], w)
                    g = float(problem.gradient(name, whole, step)[i, j])
                    rate = problem.learning_rate(base, step)
                    w -= rate * (sign(beta1 * m + (1 - beta1) * g) + decay * w)
                    m = beta2 * m + (1 - beta2) * g
                end[name][i][j] = w
    return end


@pytest.mark.parametrize("settings", [(0.02, 0.9, 0.99, 0.0), (0.05, 0.6, 0.8, 0.3)])
def test_path_of_lion(settings):
    rate, beta1, beta2, decay = settings
    rule = optim.Lion(rate, beta1=beta1, beta2=beta2, weight_decay=decay)
    found, _, _ = problem.trajectory(rule, rate)
    last = str(problem.STEPS)
    assert distance({last: found[last]}, {last: lion_path(*settings)}) < 1e-12


def test_lion_moves_by_its_rate_or_not_at_all():
    rule, params = optim.Lion(0.25), {"w": np.array([1.0, 1.0, 1.0])}
    gradients = {"w": np.array([1e-30, -1e30, 0.0])}
    moved, _ = rule.update(gradients, rule.init(params), params, rule.numbers(1, 0.25))
    assert moved["w"].tolist() == [0.75, 1.25, 1.0]
