"""Training by L-BFGS: on all rows, to the minimum of what is asked for."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import TrainingError, UsageError

pytest.importorskip("scipy")

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(50, 4)), RANDOM.integers(0, 3, size=50)


def network(*between):
    return pb.nn.Sequential(pb.nn.Dense(8), pb.nn.Tanh(), *between, pb.nn.Dense(3))


def solved(net=None, **settings):
    given = {"optimizer": pb.optim.LBFGS(), "batch_size": "full", "dtype": "float64"}
    return pb.train(net or network(), X, Y, **(given | settings))


def test_lbfgs_is_a_solver_on_all_rows():
    penalty = {"penalty": pb.losses.L2(1e-3)}
    run = solved(**penalty)
    steps = pb.train(
        network(), X, Y, optimizer=pb.optim.Adam(0.01), epochs=100, dtype="float64", **penalty
    )
    losses = [record["loss"] for record in run.history]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] < steps.history[-1]["loss"]
    with pytest.raises(UsageError, match="random"):
        solved(network(pb.nn.Dropout(0.5)))
    with pytest.raises(UsageError, match="needs mean1, variance1; take LayerNorm"):
        solved(network(pb.nn.BatchNorm()))
    assert solved(network(pb.nn.LayerNorm())).history[-1]["loss"] < losses[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_lbfgs_finds_the_minimum_of_the_weighted_and_penalized_loss(reduction, dtype):
    weights = RANDOM.uniform(0.5, 2, size=50)
    run = solved(
        pb.nn.Sequential(pb.nn.Dense(3)),
        loss=pb.losses.CrossEntropy(reduction=reduction),
        penalty=pb.losses.L2(0.5),
        sample_weight=weights,
        dtype=dtype,
    )
    assert run.ended == ""
    assert {value.dtype.name for value in run.model.params.values()} == {dtype}
    W, b = (run.model.params[name].astype("f8") for name in ("W1", "b1"))
    e = np.exp(X @ W + b)
    error = e / np.sum(e, axis=1, keepdims=True) - np.eye(3)[Y]
    error *= weights[:, None] / (1 if reduction == "sum" else np.sum(weights))
    # At the minimum the gradient is 0: within the solver's tolerance, and the rounding of the
    # weights to float32 (6e-8 of about 1) times the curvature (up to 100 for the sum).
    near = 1.1e-5 + (1e-5 if dtype == "float32" else 0)
    assert np.max(np.abs(X.T @ error + 0.5 * W)) < near
    assert np.max(np.abs(np.sum(error, axis=0))) < near


def test_lbfgs_in_float32_goes_the_way_of_float64():
    runs = [
        solved(
            pb.nn.Sequential(pb.nn.Dense(3)),
            loss=pb.losses.CrossEntropy(reduction="sum"),
            penalty=pb.losses.L2(0.01),
            dtype=dtype,
        )
        for dtype in ("float32", "float64")
    ]
    assert len(runs[0].history) == len(runs[1].history)
    assert all(
        np.allclose(value, runs[1].model.params[name], rtol=1e-4, atol=1e-7)
        for name, value in runs[0].model.params.items()
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"batch_size": 32}, "batch_size=32: L-BFGS works on all rows"),
        (
            {"epochs": 3},
            r"epochs=3: L-BFGS counts iterations; write pb\.optim\.LBFGS\(iterations=3",
        ),
        ({"sampling": "replacement"}, "sampling='replacement': L-BFGS does not use it"),
        ({"schedule": pb.optim.Cosine()}, "schedule=.*: L-BFGS does not use it"),
        ({"accumulate": 2}, "accumulate=2: L-BFGS does not use it"),
        ({"average": 0.9}, "average=0.9: L-BFGS does not use it"),
    ],
    ids=str,
)
def test_lbfgs_refuses_what_it_does_not_use(settings, told):
    with pytest.raises(UsageError, match=told):
        solved(**settings)


def test_iterations_of_lbfgs_are_epochs():
    run = solved(optimizer=pb.optim.LBFGS(iterations=4), epochs=4)
    assert (len(run.history), run.settings["epochs"]) == (5, 4)
    assert run.ended == "the limit of 4 iterations"
    assert solved(optimizer=pb.optim.LBFGS(iterations=4)).settings["epochs"] == 4


def test_a_start_that_is_not_finite_is_told_and_kept():
    with pytest.raises(TrainingError, match="^L-BFGS cannot begin: the loss or its") as caught:
        solved(pb.nn.Sequential(lambda x: np.exp(800 * x), pb.nn.Dense(3)))
    assert set(caught.value.run.model.params) == {"W1", "b1"}
