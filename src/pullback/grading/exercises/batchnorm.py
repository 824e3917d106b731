"""Exercise: the backward pass of batch normalization.

Write `backward` in plain NumPy, then see what it is worth:

    pullback check batchnorm.py:forward:backward
    pullback check batchnorm.py:forward:backward --hint
"""

import numpy as np


def forward(x, y, W, gamma, beta):
    z = x @ W
    mu = np.mean(z, axis=0)
    centred = z - mu
    var = np.mean(centred**2, axis=0)
    std = np.sqrt(var + 1e-5)
    z_hat = centred / std
    out = gamma * z_hat + beta
    return np.sum((out - y) ** 2)


wrt = ["W", "gamma", "beta"]  # what gradients are wanted for


def example_inputs():
    """Six samples of five features, three normalized units."""
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(6, 5)),
        "y": random.normal(size=(6, 3)),
        "W": random.normal(size=(5, 3)),
        "gamma": random.normal(size=(3,)),
        "beta": random.normal(size=(3,)),
    }


def backward(x, y, W, gamma, beta):
    """Return dW, dgamma, dbeta: the gradients of the loss, with the shapes of W, gamma, beta.

    centred is used twice, and so is z: what comes back from all uses is added.
    """
    z = x @ W
    mu = np.mean(z, axis=0)
    centred = z - mu
    var = np.mean(centred**2, axis=0)
    std = np.sqrt(var + 1e-5)
    z_hat = centred / std
    out = gamma * z_hat + beta
    # TODO: the error signals of out, z_hat, std, var, centred, mu and z, then the gradients
    raise NotImplementedError("write the backward pass")
