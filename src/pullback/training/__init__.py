"""Training: one loop for every face."""

from .loop import train
from .run import Progress, Run

__all__ = ["Progress", "Run", "train"]
