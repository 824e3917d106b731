"""Exercise: the backward pass of a network that uses one weight matrix twice.

Write `backward` in plain NumPy, then see what it is worth:

    pullback check shared.py:forward:backward
    pullback check shared.py:forward:backward --hint
"""

import numpy as np


def forward(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    y_pred = h2 @ V
    return 0.5 * np.sum((y_pred - y) ** 2)


wrt = ["W", "V"]  # what gradients are wanted for


def example_inputs():
    """Six samples of four features; two steps of the same four units, three outputs."""
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(6, 4)),
        "y": random.normal(size=(6, 3)),
        "W": random.normal(size=(4, 4)),
        "V": random.normal(size=(4, 3)),
    }


def backward(x, y, W, V):
    """Return dW, dV: the gradients of the loss, with the shapes of W and V.

    W is used twice: what comes back from both uses is added.
    """
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    y_pred = h2 @ V
    # TODO: the error signals of y_pred, h2 and h1, then dW and dV
    raise NotImplementedError("write the backward pass")
