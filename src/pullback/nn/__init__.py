"""Networks: functions that NumPy lacks, initial weights, layers."""

from .functions import (
    log_softmax,
    logsumexp,
    one_hot,
    relu,
    sigmoid,
    softmax,
    softplus,
)
from .initializers import glorot_uniform, he_normal
from .layers import Activation, Dense, Layer, ReLU, Sigmoid
from .sequential import Sequential

__all__ = [
    "Activation",
    "Dense",
    "Layer",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "glorot_uniform",
    "he_normal",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
]
