"""Networks: activations and other functions that NumPy lacks, initial weights, layers."""

from .activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    Identity,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .dense import Dense
from .dropout import Dropout
from .elementwise import (
    elu,
    erf,
    gelu,
    identity,
    leaky_relu,
    prelu,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from .functions import log_softmax, logsumexp, one_hot, softmax
from .initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    normal,
    orthogonal,
    uniform,
    zeros,
)
from .labels import distribution, smooth_labels
from .leaky import LeakyReLU, PReLU, RandomizedLeakyReLU
from .normalization import BatchNorm, LayerNorm
from .protocol import Layer
from .sequential import Sequential

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "PReLU",
    "RandomizedLeakyReLU",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "distribution",
    "elu",
    "erf",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "leaky_relu",
    "lecun_normal",
    "log_softmax",
    "logsumexp",
    "normal",
    "one_hot",
    "orthogonal",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_labels",
    "softmax",
    "softplus",
    "tanh",
    "uniform",
    "zeros",
]
