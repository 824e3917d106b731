"""Update rules: from a gradient to new parameters."""

from .sgd import SGD, Optimizer, default_learning_rate

__all__ = ["SGD", "Optimizer", "default_learning_rate"]
