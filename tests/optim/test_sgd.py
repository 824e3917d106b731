import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.optim import SGD, Momentum, Nesterov, default_learning_rate, describe_default_rate

PARAMS = {"W": np.array([[1.0, -2.0]]), "b": np.array([0.5, 0.25])}
GRADIENTS = {"W": np.array([[10.0, 0.0]]), "b": np.array([-1.0, 2.0])}


def test_update_by_hand():
    rule = SGD(0.1)
    moved, state = rule.update(GRADIENTS, rule.init(PARAMS), PARAMS, rule.numbers(1, 0.1))
    assert moved["W"].tolist() == [[0.0, -2.0]]
    assert moved["b"].tolist() == pytest.approx([0.6, 0.05], rel=1e-14)
    assert state == {}
    assert PARAMS["W"].tolist() == [[1.0, -2.0]]  # nothing is changed in place


@pytest.mark.parametrize("rate", [1e-6, 0.1, 1, 10, np.float64(0.5), np.float32(0.5), np.int64(2)])
def test_learning_rates_that_are_allowed(rate):
    assert SGD(rate).learning_rate == rate


def test_the_default_is_left_open():
    assert SGD().learning_rate is None


@pytest.mark.parametrize(
    "rate", [0, 0.0, -1, -1e-9, np.nan, np.inf, -np.inf, True, "0.1", [0.1], 1j, np.array([0.1])]
)
def test_learning_rates_that_are_not_allowed(rate):
    with pytest.raises(UsageError) as caught:
        SGD(rate)
    text = str(caught.value)
    assert text.startswith(f"SGD(learning_rate={rate!r}): it must be ")
    assert "above 0" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("rates", "batch", "reduction", "expected"),
    [
        ((1.0, 0.5), 1, "mean", 1 / 128),
        ((1.0, 0.5), 32, "mean", 0.25),
        ((1.0, 0.5), 64, "mean", 0.5),
        ((1.0, 0.5), 128, "mean", 0.5),
        ((1.0, 0.5), 60000, "mean", 0.5),
        ((0.2, 0.01), 1, "mean", 0.2 / 128),
        ((0.2, 0.01), 128, "mean", 0.01),
        ((1.0, 0.5), 32, "sum", 0.25 / 32),
        ((0.2, 0.01), 1, "sum", 0.2 / 128),
    ],
)
def test_default_learning_rate(rates, batch, reduction, expected):
    assert default_learning_rate(rates, batch, reduction) == pytest.approx(expected, rel=1e-15)


def test_the_rule_is_printed_as_it_is_computed():
    for reduction in ("mean", "sum"):
        text = describe_default_rate((1.0, 0.5), reduction)
        for batch in (1, 17, 500):
            computed = eval(text, {"min": min, "rows_per_step": batch})
            assert computed == default_learning_rate((1.0, 0.5), batch, reduction)


@pytest.mark.parametrize("make", [Momentum, Nesterov])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_with_a_momentum_the_default_is_that_much_smaller(make, reduction):
    rates = (1.0, 0.5)
    plain = SGD().default_learning_rate(rates, 32, reduction)
    assert plain == default_learning_rate(rates, 32, reduction)
    for momentum in (0.0, 0.75, 0.9):
        rule = make(momentum=momentum)
        found = rule.default_learning_rate(rates, 32, reduction)
        assert found == pytest.approx(plain * (1 - momentum), rel=1e-15)
        text = rule.describe_default_rate(rates, reduction)
        assert eval(text, {"min": min, "rows_per_step": 32}) == found
    assert SGD().describe_default_rate(rates, reduction) == describe_default_rate(rates, reduction)


def test_sum_and_mean_make_the_same_step_by_default():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(12, 3)), random.normal(size=(12, 2))
    runs = [
        pb.train(
            pb.nn.Sequential(pb.nn.Dense(2)),
            X,
            y,
            loss=pb.losses.SquaredError(reduction),
            batch_size=4,
            epochs=2,
            dtype="float64",
        )
        for reduction in ("mean", "sum")
    ]
    for name in ("W1", "b1"):
        mean, total = (run.model.params[name] for run in runs)
        assert np.allclose(mean, total, rtol=1e-12)


def test_the_update_is_traced_into_the_step():
    random = np.random.default_rng(0)
    run = pb.train(
        pb.nn.Sequential(pb.nn.Dense(2)), random.normal(size=(6, 3)), [0, 1] * 3, epochs=1
    )
    assert "W1_2 = W1 - learning_rate * dW1" in run.step.to_numpy()
