"""Pullback: write the forward pass in NumPy; read its backward pass, check it, and run it."""

from . import losses, nn, optim, primitives
from .checking import GradientCheck, check_gradients
from .differentiate import compile, grad, value_and_grad, vjp
from .errors import PullbackError
from .models import Model, load
from .program import Program
from .tracing import trace, vocabulary
from .training import Run, train

__version__ = "0.1.0"

__all__ = [
    "GradientCheck",
    "Model",
    "Program",
    "PullbackError",
    "Run",
    "check_gradients",
    "compile",
    "grad",
    "load",
    "losses",
    "nn",
    "optim",
    "primitives",
    "trace",
    "train",
    "value_and_grad",
    "vjp",
    "vocabulary",
]
