"""Five networks whose backward passes are graded, each with a small seeded point."""

import numpy as np


def two_layer(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


def three_layer(x, y, W1, b1, W2, b2, W3, b3):
    z1 = x @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    y_pred = a2 @ W3 + b3
    return np.sum((y_pred - y) ** 2) / x.shape[0]


def softmax(x, labels, W1, b1, W2, b2):
    z = x @ W1 + b1
    h = np.maximum(z, 0)
    scores = h @ W2 + b2
    e = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def batchnorm(x, y, W, gamma, beta):
    z = x @ W
    mu = np.mean(z, axis=0)
    var = np.mean((z - mu) ** 2, axis=0)
    z_hat = (z - mu) / np.sqrt(var + 1e-5)
    out = gamma * z_hat + beta
    return np.sum((out - y) ** 2)


def shared(x, y, W, V):
    h1 = np.tanh(x @ W)
    h2 = np.tanh(h1 @ W)
    y_pred = h2 @ V
    return 0.5 * np.sum((y_pred - y) ** 2)


FORWARD = {f.__name__: f for f in (two_layer, three_layer, softmax, batchnorm, shared)}


def inputs(network: str) -> dict:
    random = np.random.default_rng(3)
    shapes = {
        "two_layer": {"x": (6, 5), "y": (6, 2), "W1": (5, 4), "W2": (4, 2)},
        "three_layer": {
            "x": (7, 5),
            "y": (7, 2),
            "W1": (5, 4),
            "b1": (4,),
            "W2": (4, 3),
            "b2": (3,),
            "W3": (3, 2),
            "b3": (2,),
        },
        "softmax": {
            "x": (6, 5),
            "labels": None,
            "W1": (5, 4),
            "b1": (4,),
            "W2": (4, 3),
            "b2": (3,),
        },
        "batchnorm": {"x": (6, 5), "y": (6, 3), "W": (5, 3), "gamma": (3,), "beta": (3,)},
        "shared": {"x": (6, 4), "y": (6, 3), "W": (4, 4), "V": (4, 3)},
    }
    return {
        name: np.array([0, 2, 1, 2, 2, 0]) if shape is None else random.normal(size=shape)
        for name, shape in shapes[network].items()
    }


WRT = {
    "two_layer": ["W1", "W2"],
    "three_layer": ["W1", "b1", "W2", "b2", "W3", "b3"],
    "softmax": ["W1", "b1", "W2", "b2"],
    "batchnorm": ["W", "gamma", "beta"],
    "shared": ["W", "V"],
}
