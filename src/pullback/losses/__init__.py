"""Losses: one number per row, and how a batch's rows become one number."""

from .losses import CrossEntropy, Loss, SquaredError, as_loss

__all__ = ["CrossEntropy", "Loss", "SquaredError", "as_loss"]
