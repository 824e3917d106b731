"""A small fixed problem whose gradients are arithmetic alone, so that every library agrees."""

import numpy as np

STEPS = 250
RECORDED = (1, 2, 3, 10, 30, STEPS)
START = {"W1": [[0.5, -1.25], [2.0, 0.75]], "W2": [[-0.5], [1.5]]}
TARGET = {"W1": [[0.25, 0.5], [-1.0, 0.875]], "W2": [[0.625], [-0.25]]}
CURVATURE = {"W1": [[1.0, 0.125], [0.5, 4.0]], "W2": [[2.0], [0.0625]]}


def start(dtype="f8"):
    return {name: np.array(value, dtype) for name, value in START.items()}


def gradient(name, w, step, array=np.array):
    """curvature * (w - target) + w^3 / 10, and a disturbance that changes sign with the step.

    `array` makes the constants, as arrays of the library that is asked.
    """
    disturbance = ((7 * step) % 11 - 5) / 10
    return array(CURVATURE[name]) * (w - array(TARGET[name])) + w * w * w / 10 + disturbance


def learning_rate(base, step):
    """A rate that varies, so that it matters where a rule applies it."""
    return base * (1 + (3 * step % 5) / 8)


def losses():
    """A loss that falls and is disturbed, as a validation loss is."""
    return [4 / (4 + epoch) + ((5 * epoch) % 7) / 50 for epoch in range(60)]


def trajectory(rule, base, dtype="f8", penalty=None):
    """The parameters at the recorded steps, by step; parameters and state at the end.

    `penalty` gives the gradient of a penalty of one matrix, which is added to its own.
    """
    params, state, found = start(dtype), rule.init(start(dtype)), {}
    for step in range(1, STEPS + 1):
        gradients = {
            name: gradient(name, w, step, lambda v: np.array(v, dtype))
            for name, w in params.items()
        }
        if penalty is not None:
            gradients = {name: g + penalty(params[name]) for name, g in gradients.items()}
        numbers = rule.numbers(step, learning_rate(base, step))
        params, state = rule.update(gradients, state, params, numbers)
        if step in RECORDED:
            found[str(step)] = {name: w.tolist() for name, w in params.items()}
    return found, params, state
