"""The program of the teaching notes: written by hand and derived, the same loss at every step."""

from functools import cache

import numpy as np
import pytest

import pullback as pb

N, D, H, C, RATE, STEPS = 64, 1000, 100, 10, 1e-6, 500


def forward(x, y, w1, w2):
    h = x.dot(w1)
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(w2)
    return np.square(y_pred - y).sum()


def masked(x, y, w1, w2):
    h_relu = x.dot(w1)
    h_relu[h_relu < 0] = 0
    y_pred = h_relu.dot(w2)
    return np.square(y_pred - y).sum()


def data():
    random = np.random.RandomState(0)
    return [random.randn(*shape) for shape in ((N, D), (N, C), (D, H), (H, C))]


@cache
def losses_by_hand():
    x, y, w1, w2 = data()
    losses = []
    for _ in range(STEPS):
        h = x.dot(w1)
        h_relu = np.maximum(h, 0)
        y_pred = h_relu.dot(w2)
        losses.append(np.square(y_pred - y).sum())
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h_relu.T.dot(grad_y_pred)
        grad_h = grad_y_pred.dot(w2.T)
        grad_h[h < 0] = 0
        w1 -= RATE * x.T.dot(grad_h)
        w2 -= RATE * grad_w2
    return losses


@pytest.mark.parametrize("function", [forward, masked])
def test_the_derived_program_has_the_losses_of_the_one_written_by_hand(function):
    x, y, w1, w2 = data()
    program = pb.trace(function, x="N D", y="N C", w1="D H", w2="H C")
    step = pb.compile(pb.value_and_grad(program, wrt=["w1", "w2"]))
    losses = []
    for _ in range(STEPS):
        loss, (dw1, dw2) = step(x, y, w1, w2)
        losses.append(loss)
        w1, w2 = w1 - RATE * dw1, w2 - RATE * dw2
    assert losses[0] > 1e7
    assert losses[-1] < 1e-4 * losses[0]
    assert np.allclose(losses, losses_by_hand(), rtol=1e-9, atol=0)
