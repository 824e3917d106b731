"""A network of `pullback train` is explained at its training loss: BatchNorm, dropout, penalty."""

import numpy as np
import pytest

import pullback as pb
from pullback.explaining import BackwardSteps, Overwriting
from pullback.explaining.trained import trained_subject
from pullback.training import prepare

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(30, 4))
LABELS = RANDOM.integers(0, 3, 30)


def prepared(dropout=0.3, seed=5):
    net = pb.nn.Sequential(
        pb.nn.Dense(6),
        pb.nn.BatchNorm(),
        pb.nn.ReLU(),
        pb.nn.Dropout(dropout),
        pb.nn.Dense(3),
    )
    return prepare(net, X, LABELS, penalty=pb.losses.L2(0.01), seed=seed, dtype="float64")


def losses(subject, run, move):
    """The loss where parameters are moved."""
    program = run.problem.loss_program()
    names = [program.names[var] for var in program.argument_inputs]
    known = {subject.name(var): value for var, value in subject.inputs.items()}
    x, labels, *_ = (known[name] for name in names)
    params = {name: value + move.get(name, 0.0) for name, value in run.problem.params.items()}
    return float(program(x, labels, params, dict(run.problem.state), seed=run.settings["seed"]))


def test_its_gradient_is_the_slope_of_the_training_loss():
    run = prepared()
    subject = trained_subject(run, run.problem.params, rows=7)
    assert [subject.name(var) for var in subject.wrt] == list(run.problem.params)
    for var in subject.wrt:
        direction = RANDOM.normal(size=subject.shape(var))
        h = 1e-6
        above, below = (losses(subject, run, {subject.name(var): s * direction}) for s in (h, -h))
        slope = np.sum(subject.signal(var) * direction)
        assert slope == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-7)


def test_dropout_drops_what_the_seed_of_the_run_says():
    masks = []
    for seed in (5, 5, 6):
        run = prepared(seed=seed)
        subject = trained_subject(run, run.problem.params)
        (kept,) = [e.out for e in subject.forward.equations if e.out.hint == "kept"]
        masks.append(subject.value(kept))
    assert np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])


def test_without_anything_drawn_no_seed_is_needed():
    net = pb.nn.Sequential(pb.nn.Dense(3))
    run = prepare(net, X, LABELS)
    subject = trained_subject(run, run.problem.params, "W1", rows=500)
    assert [subject.name(var) for var in subject.wrt] == ["W1"]
    assert subject.shape(subject.forward.inputs[0]) == (30, 4)


def test_the_penalty_is_a_fork_at_each_weight_matrix():
    run = prepared()
    subject = trained_subject(run, run.problem.params)
    forks = {subject.name(var) for var in Overwriting(subject).forks}
    assert {"W1", "W2"} <= forks
    assert "b1" not in forks
    last = BackwardSteps(subject)[-1]
    assert {arrived.name for arrived in last.waiting} == set(run.problem.params)
