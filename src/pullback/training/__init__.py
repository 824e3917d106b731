"""Training: one loop for every face."""

from .prepared import Prepared, prepare, train
from .run import Progress, Run

__all__ = ["Prepared", "Progress", "Run", "prepare", "train"]
