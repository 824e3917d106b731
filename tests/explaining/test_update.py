"""The update rule of a training step as a program of its own."""

import numpy as np

import pullback as pb
from pullback.explaining.notes import notes_subject
from pullback.explaining.update import samples_axis, update_of
from pullback.training import prepare


def test_the_update_of_the_notes():
    update = update_of(notes_subject().step)
    source = update.to_numpy()
    assert "dW1 = x.T @ dh" in source
    assert "W1_2 = W1 - learning_rate * (dW1 / x.shape[0])" in source
    ones = {
        "h_relu": (4, 3),
        "dy_pred": (4, 1),
        "x": (4, 2),
        "dh": (4, 3),
        "W1": (2, 3),
        "W2": (3, 1),
    }
    W1, W2 = update(learning_rate=0.5, **{name: np.ones(shape) for name, shape in ones.items()})
    assert np.array_equal(W1, np.full((2, 3), 0.5))
    assert np.array_equal(W2, np.full((3, 1), 0.5))


def test_the_update_has_the_sum_over_the_batch_and_its_size():
    update = update_of(notes_subject().step)
    assert samples_axis(update) == "N"
    text = update.to_text(batch="N", sums=True)
    assert "W̄₁ = ∑_{i∈B} x_iᵀ h̄_i" in text
    assert "W₁ ← W₁ − learning_rate W̄₁/|B|" in text


def test_the_update_of_a_rule_with_state():
    net = pb.nn.Sequential(pb.nn.Dense(2))
    rule = pb.optim.Adam(0.1)
    step = prepare(net, np.eye(3), [0, 1, 1], optimizer=rule).step
    update = update_of(step)
    updates = [e for e in update.equations if e.stage == "update"]
    assert len(updates) == sum(e.stage == "update" for e in step.equations)
    rest = {equation.out.cotangent_of for equation in update.equations if equation not in updates}
    assert rest >= {"W1", "b1"}
    assert {"W1", "b1"} <= {argument.name for argument in update.arguments}


def test_a_parameter_keeps_its_name_beside_a_number_of_the_rule_with_that_name():
    net = pb.nn.Sequential(pb.nn.Dense(2), pb.nn.BatchNorm(), pb.nn.Dense(2))
    step = prepare(net, np.eye(3), [0, 1, 1], optimizer=pb.optim.Adam(0.1)).step
    text = update_of(step).to_text()
    assert "β₁ ← β₁ − step_size step_beta1 " in text
    assert "m_β₁ ← β₁,₂ m_β₁ + share β̄₁ " in text


def test_a_program_without_an_update_has_none():
    assert update_of(notes_subject().gradient) is None
