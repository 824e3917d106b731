"""Pullback: write the forward pass in NumPy; read its backward pass, check it, and run it."""

from . import primitives
from .checking import check_gradients
from .differentiate import compile, grad, value_and_grad, vjp
from .errors import PullbackError
from .program import Program
from .tracing import trace, vocabulary

__version__ = "0.1.0"

__all__ = [
    "Program",
    "PullbackError",
    "check_gradients",
    "compile",
    "grad",
    "primitives",
    "trace",
    "value_and_grad",
    "vjp",
    "vocabulary",
]
