"""Training: one loop for every face."""

from .callbacks import Callback, EarlyStopping, ReduceOnPlateau
from .checkpoint import Checkpoint, load_checkpoint
from .entry import train
from .loop import Training
from .prepared import Prepared
from .preparing import prepare
from .run import Progress, Run
from .tensorboard import TensorBoard

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "Prepared",
    "Progress",
    "ReduceOnPlateau",
    "Run",
    "TensorBoard",
    "Training",
    "load_checkpoint",
    "prepare",
    "train",
]
