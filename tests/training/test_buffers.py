"""Training in buffers: nothing large is allocated, and nobody sees arrays that change."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import pullback as pb
from pullback.engines.reference import executable
from pullback.training import prepare
from pullback.training.carried import Variables
from pullback.training.steps import RowBuffers, Rows

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(300, 200)), RANDOM.integers(0, 3, size=300)

CASTING = 8192 * 4
"""Bytes that NumPy takes to read truth values as numbers: a chunk of 8,192 entries at a time."""


def training(engine="reference", **settings):
    net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dropout(0.2), pb.nn.Dense(3))
    settings = {"batch_size": 128, "optimizer": pb.optim.Adam(0.01)} | settings
    return prepare(net, X, Y, engine=engine, **settings).training()


def one_epoch(run, order):
    for step in range(len(run.plan.slices)):
        run.step = step
        run._one_step(run._rows_of(step, order))


def growth(run):
    """The most bytes at once, beyond those at the start, during a second epoch."""
    order = run.plan.order(1)
    one_epoch(run, order)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        one_epoch(run, order)
        return tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()


def test_an_epoch_allocates_nothing_large():
    least = CASTING + 8000
    assert growth(training()) < least
    plain = training()
    plain._stepper = replace(plain._stepper, compiled=lambda program: executable(program).flat)
    assert growth(plain) > 3 * least


def test_variables_that_somebody_holds_keep_their_numbers():
    run = training()
    order, held, copies = run.plan.order(1), [], []
    for _ in range(2):
        for step in range(len(run.plan.slices)):
            run._one_step(run._rows_of(step, order))
            run.step = 0
            held.append((run.variables, run.params, run.variables.rule_state["m"]))
            copies.append([np.array(part["W1"]) for part in held[-1][1:]])
    untouched = training()
    for _ in range(2):
        for step in range(len(run.plan.slices)):
            untouched._one_step(untouched._rows_of(step, order))
    for (variables, params, momentum), (W1, m) in zip(held, copies, strict=True):
        assert np.array_equal(params["W1"], W1)
        assert np.array_equal(variables.params["W1"], W1)
        assert np.array_equal(momentum["W1"], m)
    assert len({W1.tobytes() for W1, _ in copies}) == len(copies)
    assert np.array_equal(untouched.params["W1"], copies[-1][0])


def test_variables_that_are_first_looked_at_later():
    run, other = training(), training()
    order, held, seen = run.plan.order(1), [], []
    for step in range(3):
        for one in (run, other):
            one._one_step(one._rows_of(step, order))
        held.append(run.variables)
        seen.append(np.array(other.params["W1"]))
    assert all(map(np.array_equal, [v.params["W1"] for v in held], seen))


def test_going_on_from_other_variables():
    run = training()
    stepper, rows = run._stepper, run.plan.rows.chosen(slice(0, 128))
    numbers = run.problem.optimizer.numbers(1, 0.01)
    start = run.variables

    def after(variables, update=0):
        return variables.after(stepper(rows, variables, update, numbers))

    first = after(start)
    second = after(first, 1)
    kept = second.params["W1"].copy()
    assert np.array_equal(after(start).params["W1"], first.params["W1"])
    again = after(first, 1)  # looked at only when its memory has been used again
    assert np.array_equal(after(start).params["W1"], first.params["W1"])
    assert np.array_equal(again.params["W1"], kept)
    mine = Variables(*(dict(p) for p in (first.params, first.state, first.rule_state)))
    assert np.array_equal(after(mine, 1).params["W1"], kept)
    assert np.array_equal(second.params["W1"], kept)


def test_arrays_with_gaps_go_the_readable_way():
    run = training()
    stepper, rows = run._stepper, run.plan.rows.chosen(slice(0, 128))
    numbers = run.problem.optimizer.numbers(1, 0.01)
    wanted = run.variables.after(stepper(rows, run.variables, 0, numbers))
    apart = Rows(np.asfortranarray(rows.x), rows.labels)
    found = run.variables.after(stepper(apart, run.variables, 0, numbers))
    assert type(found) is Variables
    np.testing.assert_allclose(found.params["W1"], wanted.params["W1"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weights", [None, np.arange(300.0)])
def test_rows_in_buffers(weights):
    rows = Rows(X, Y, weights)
    buffers = RowBuffers(rows)
    for places in ([3, 1, 299], [0, 0, 7], [5, 2, 1, 0]):
        chosen, wanted = buffers.chosen(np.array(places)), rows.chosen(np.array(places))
        assert all(map(np.array_equal, chosen.flat, wanted.flat))
        assert chosen.weight == wanted.weight
    assert buffers.chosen(slice(2, 5)).x.base is X
    columns = RowBuffers(Rows(np.asfortranarray(X), Y)).chosen(np.array([1, 2]))
    assert np.array_equal(columns.x, X[1:3])
