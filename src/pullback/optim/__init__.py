"""Update rules: from a gradient to new parameters; schedules of their rate; a solver."""

from .adadelta import AdaDelta
from .adagrad import AdaGrad
from .adam import Adam, AdamW, AMSGrad
from .averaging import Averaged
from .clipping import ClippedByNorm, ClippedByValue
from .decay import Decayed
from .lbfgs import LBFGS, LBFGSReport
from .lion import Lion
from .momentum import Momentum, Nesterov
from .protocol import Optimizer, final_params
from .registry import OPTIMIZERS
from .rmsprop import RMSProp
from .schedule import Constant, Schedule, factor_at, schedule_over
from .schedules import (
    SCHEDULES,
    Cosine,
    Exponential,
    InverseTime,
    OneCycle,
    Step,
    Warmup,
)
from .sgd import SGD, default_learning_rate, describe_default_rate

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Averaged",
    "ClippedByNorm",
    "ClippedByValue",
    "Constant",
    "Cosine",
    "Decayed",
    "Exponential",
    "InverseTime",
    "LBFGSReport",
    "Lion",
    "Momentum",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "Step",
    "Warmup",
    "default_learning_rate",
    "describe_default_rate",
    "factor_at",
    "final_params",
    "schedule_over",
]
