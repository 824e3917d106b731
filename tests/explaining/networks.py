"""Functions that the tests of this folder explain."""

import numpy as np

RANDOM = np.random.default_rng(0)
VALUES = {
    "x": RANDOM.normal(size=(4, 5)),
    "y": RANDOM.normal(size=(4, 2)),
    "W1": RANDOM.normal(size=(5, 3)),
    "W2": RANDOM.normal(size=(3, 2)),
}
SPECS = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C"}


def two_layer(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    loss = np.sum((y_pred - y) ** 2)
    return loss


def forked(x, y, W1, W2):
    """h is read three times, W1 twice."""
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    loss = np.sum((y_pred - y) ** 2) + np.sum(h * h) + 0.1 * np.sum(W1**2)
    return loss


def layer(h, W):
    out = np.tanh(h @ W)
    return out


def shared(x, W, W_out, labels):
    """A loop over one weight, a helper, a custom loss of whole-number labels."""
    h = x
    for _ in range(3):
        h = layer(h, W)
    logits = h @ W_out
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.mean(np.sum(log_p * np.eye(3)[labels], axis=1)) + 0.01 * np.sum(W**2)
    return loss


SHARED = {
    "x": RANDOM.normal(size=(6, 4)),
    "W": RANDOM.normal(size=(4, 4)),
    "W_out": RANDOM.normal(size=(4, 3)),
    "labels": np.array([0, 1, 2, 2, 1, 0]),
}
