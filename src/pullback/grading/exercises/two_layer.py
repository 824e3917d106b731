"""Exercise: the backward pass of a two-layer network with ReLU and a squared error.

Write `backward` in plain NumPy, then see what it is worth:

    pullback check two_layer.py:forward:backward
    pullback check two_layer.py:forward:backward --hint
"""

import numpy as np


def forward(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


wrt = ["W1", "W2"]  # what gradients are wanted for


def example_inputs():
    """Six samples of five features, four hidden units, two outputs."""
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(6, 5)),
        "y": random.normal(size=(6, 2)),
        "W1": random.normal(size=(5, 4)),
        "W2": random.normal(size=(4, 2)),
    }


def backward(x, y, W1, W2):
    """Return dW1, dW2: the gradients of the loss, with the shapes of W1 and W2.

    Begin at the end: what is the error signal of y_pred? Then go back line by line.
    """
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    # TODO: the error signals of y_pred, h_relu and h, then dW1 and dW2
    raise NotImplementedError("write the backward pass")
