"""Losses: one number per row, and how a batch's rows become one number; penalties on weights."""

from .classification import BinaryCrossEntropy, CrossEntropy, RelativeEntropy, entropy
from .losses import as_loss
from .penalties import L1, L2, ElasticNet, Penalty, as_penalty
from .protocol import Loss
from .regression import AbsoluteError, Huber, LogCosh, Poisson, SquaredError

__all__ = [
    "L1",
    "L2",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "ElasticNet",
    "Huber",
    "LogCosh",
    "Loss",
    "Penalty",
    "Poisson",
    "RelativeEntropy",
    "SquaredError",
    "as_loss",
    "as_penalty",
    "entropy",
]
