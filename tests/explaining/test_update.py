"""The update rule of a training step as a program of its own."""

import numpy as np

import pullback as pb
from pullback.explaining.notes import notes_subject
from pullback.explaining.update import update_of
from pullback.training import prepare


def test_the_update_of_the_notes():
    update = update_of(notes_subject().step)
    assert [argument.name for argument in update.arguments] == [
        "learning_rate",
        "dW1",
        "W1",
        "dW2",
        "W2",
    ]
    source = update.to_numpy()
    assert "W1_2 = W1 - learning_rate * dW1" in source
    assert "@" not in source
    W1, W2 = np.ones((2, 3)), np.ones((3, 1))
    new = update(learning_rate=0.5, dW1=W1, W1=W1, dW2=2 * W2, W2=W2)
    assert np.array_equal(new[0], np.full((2, 3), 0.5))
    assert np.array_equal(new[1], np.zeros((3, 1)))
    assert "W₁ ← W₁ − learning_rate W̄₁" in update.to_text()


def test_the_update_of_a_rule_with_state():
    net = pb.nn.Sequential(pb.nn.Dense(2))
    rule = pb.optim.Adam(0.1)
    step = prepare(net, np.eye(3), [0, 1, 1], optimizer=rule).step
    update = update_of(step)
    assert {equation.stage for equation in update.equations} == {"update"}
    assert len(update.equations) == sum(e.stage == "update" for e in step.equations)
    assert {"dW1", "db1", "W1", "b1"} <= {argument.name for argument in update.arguments}


def test_a_program_without_an_update_has_none():
    assert update_of(notes_subject().gradient) is None
