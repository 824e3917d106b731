"""L-BFGS: where it ends, why, and what it is given and gives back."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import pullback as pb
from pullback.errors import MissingExtraError, TrainingError, UsageError
from pullback.optim import LBFGS

START = {"a": np.full((2, 1), -1.2), "b": np.array(1.5)}


def rosenbrock(a, b):
    joined = np.concatenate([a.ravel(), b.ravel()])
    return np.sum(100 * (joined[1:] - joined[:-1] ** 2) ** 2 + (1 - joined[:-1]) ** 2)


DERIVED = pb.compile(pb.value_and_grad(pb.trace(rosenbrock, **START), wrt=["a", "b"]))


def value_and_gradient(params):
    loss, (a, b) = DERIVED(params["a"], params["b"])
    return loss, {"b": b, "a": a}  # any order


def test_it_finds_the_minimum_from_a_derived_gradient():
    params, report = LBFGS().minimize(value_and_gradient, START)
    assert list(params) == ["a", "b"]
    for name, value in params.items():
        assert value.shape == START[name].shape
        assert value.dtype == np.float64
        assert np.allclose(value, 1.0, rtol=1e-5)
    assert report.converged
    assert report.reason == "no entry of the gradient is above 1e-05"
    assert report.largest_gradient <= 1e-5
    assert report.iterations < report.evaluations < 150
    assert START["a"].tolist() == [[-1.2], [-1.2]]


def test_the_report_is_of_the_parameters_returned():
    for solver in (LBFGS(), LBFGS(iterations=7), LBFGS(tolerance=0.0)):
        params, report = solver.minimize(value_and_gradient, START)
        loss, gradients = value_and_gradient(params)
        assert report.loss == loss
        largest = max(np.max(np.abs(gradients["a"])), abs(gradients["b"]))
        assert report.largest_gradient == largest


def test_a_tolerance_of_0_goes_on_until_nothing_changes():
    _, report = LBFGS(tolerance=0.0).minimize(value_and_gradient, START)
    assert report.reason in ("the loss no longer changes", "the line search found no lower loss")
    assert report.loss < 1e-15


def test_the_limit_of_iterations():
    _, report = LBFGS(iterations=3).minimize(value_and_gradient, START)
    assert (report.iterations, report.converged) == (3, False)
    assert str(report) == "L-BFGS ended after 3 iterations: the limit of 3 iterations"


def test_more_memory_makes_another_path():
    short, long = (LBFGS(memory=m).minimize(value_and_gradient, START)[1] for m in (1, 10))
    assert short.iterations > long.iterations


def test_a_stop_ends_it_with_the_parameters_shown_last():
    seen = []

    def on_iteration(iteration, loss, params):
        seen.append((iteration, loss, params))
        return iteration == 4

    params, report = LBFGS().minimize(value_and_gradient, START, on_iteration)
    assert [iteration for iteration, _, _ in seen] == [1, 2, 3, 4]
    losses = [loss for _, loss, _ in seen]
    assert losses == sorted(losses, reverse=True)
    assert losses == [value_and_gradient(shown)[0] for _, _, shown in seen]
    for name in params:
        assert np.array_equal(params[name], seen[-1][2][name])
    assert (report.reason, report.converged) == ("on_iteration asked to stop", False)
    assert (report.iterations, report.loss) == (4, losses[-1])


def test_watching_without_a_word_changes_nothing():
    watched = LBFGS().minimize(value_and_gradient, START, lambda *args: None)
    alone = LBFGS().minimize(value_and_gradient, START)
    assert watched[1] == alone[1]


def test_parameters_keep_their_dtypes():
    seen = set()

    def quadratic(params):
        seen.update((name, w.dtype.name) for name, w in params.items())
        loss = sum(np.sum((w - 2) ** 2) for w in params.values())
        return loss, {name: 2 * (w - 2) for name, w in params.items()}

    start = {"single": np.zeros((2, 2), "f4"), "double": np.zeros(1)}
    params, _ = LBFGS().minimize(quadratic, start)
    assert seen == {("single", "float32"), ("double", "float64")}
    assert {name: w.dtype.name for name, w in params.items()} == dict(seen)
    assert np.allclose(params["single"], 2.0, rtol=1e-6)


def test_it_draws_back_from_where_the_loss_is_not_finite():
    accepted, tried = np.array([5.0, 7.0]), []
    shares = []

    def barrier(params):
        x, slope = params["x"], np.array([1e3, 2e3])
        if tried and np.any(tried[-1] <= 0):
            shares.append((x - accepted) / (tried[-1] - accepted))
        tried.append(x)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sum(slope * x - np.log(x)), {"x": slope - 1 / x}

    def on_iteration(iteration, loss, params):
        accepted[:] = params["x"]
        assert np.all(accepted > 0)

    start = {"x": accepted.copy()}
    params, report = LBFGS(tolerance=1e-4).minimize(barrier, start, on_iteration)
    assert report.converged
    assert np.allclose(params["x"], [1e-3, 5e-4], rtol=1e-6)
    # After each bad try comes one on the way back, most often at a fifth of it.
    assert len(shares) > 10
    assert all(np.ptp(share) < 1e-6 and 0 < share[0] < 1 for share in shares)
    assert 0.1 < np.median(shares) < 0.3


def test_every_evaluation_counts_and_none_is_repeated():
    tried = []

    def counted(params):
        tried.append(np.append(params["a"].ravel(), params["b"]))
        return value_and_gradient(params)

    _, report = LBFGS().minimize(counted, START)
    again = sum(np.array_equal(x, y) for x, y in pairwise(tried))
    assert again <= 1  # SciPy asks for the start, which was measured to see whether it is finite
    assert report.evaluations == len(tried)
    assert {type(report.loss), type(report.largest_gradient)} == {float}


def test_the_defaults():
    assert vars(LBFGS()) == {"iterations": 200, "memory": 10, "tolerance": 1e-5}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_start_that_is_not_finite(bad):
    def of_loss(params):
        return bad, {"w": np.zeros(2)}

    def of_gradient(params):
        return 0.0, {"w": np.array([0.0, bad])}

    for function in (of_loss, of_gradient):
        with pytest.raises(TrainingError, match=r"^L-BFGS cannot begin: .* is not finite"):
            LBFGS().minimize(function, {"w": np.zeros(2)})


def test_errors_of_the_function_come_through():
    def broken(params):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="^mine$"):
        LBFGS().minimize(broken, {"w": np.zeros(1)})


@pytest.mark.parametrize("gradient", [{}, {"w": np.zeros(3)}, {"w": np.zeros((2, 1))}])
def test_a_gradient_that_does_not_fit(gradient):
    with pytest.raises(UsageError, match=r"must have 'w' of shape \(2,\), as params has\.$"):
        LBFGS().minimize(lambda params: (0.0, gradient), {"w": np.zeros(2)})


@pytest.mark.parametrize("params", [{}, {"w": np.zeros(2, int), "b": np.zeros(1)}])
def test_parameters_that_cannot_be_minimized_over(params):
    with pytest.raises(UsageError, match="floating arrays by name, at least one"):
        LBFGS().minimize(lambda params: (0.0, params), params)


def test_without_scipy_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError) as caught:
        LBFGS().minimize(value_and_gradient, START)
    assert str(caught.value) == "LBFGS needs SciPy: pip install 'pullback[solvers]'."


def test_importing_the_rules_loads_no_scipy():
    code = "import sys, pullback.optim; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("iterations", 0),
        ("iterations", 1.5),
        ("memory", 0),
        ("memory", True),
        ("tolerance", -1e-9),
        ("tolerance", np.nan),
    ],
)
def test_settings_out_of_range(setting, value):
    with pytest.raises(UsageError) as caught:
        LBFGS(**{setting: value})
    assert str(caught.value).startswith(f"LBFGS({setting}={value!r}): it must be ")


def test_printed_as_one_would_write_it():
    assert str(LBFGS()) == "LBFGS()"
    assert str(LBFGS(iterations=5)) == "LBFGS(iterations=5)"
