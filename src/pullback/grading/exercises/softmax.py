"""Exercise: the backward pass of a classifier with softmax and cross-entropy.

Write `backward` in plain NumPy, then see what it is worth:

    pullback check softmax.py:forward:backward
    pullback check softmax.py:forward:backward --hint
"""

import numpy as np


def forward(x, y, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    total = np.sum(np.exp(scores), axis=1, keepdims=True)
    log_p = scores - np.log(total)
    return -np.sum(y * log_p) / len(x)


wrt = ["W1", "b1", "W2", "b2"]  # what gradients are wanted for


def example_inputs():
    """Six samples of five features, four hidden units, three classes; y is one-hot."""
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(6, 5)),
        "y": np.eye(3)[[0, 2, 1, 2, 2, 0]],
        "W1": random.normal(size=(5, 4)),
        "b1": random.normal(size=(4,)),
        "W2": random.normal(size=(4, 3)),
        "b2": random.normal(size=(3,)),
    }


def backward(x, y, W1, b1, W2, b2):
    """Return dW1, db1, dW2, db2: the gradients of the loss, with the shapes of W1, b1, W2, b2.

    Softmax and cross-entropy together have a short error signal: find that of scores first.
    """
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    # TODO: the error signals of scores, h and z, then the four gradients
    raise NotImplementedError("write the backward pass")
