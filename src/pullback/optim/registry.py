"""Update rules by the name that the command line takes."""

from __future__ import annotations

from typing import Any

from .adadelta import AdaDelta
from .adagrad import AdaGrad
from .adam import Adam, AdamW, AMSGrad
from .lion import Lion
from .momentum import Momentum, Nesterov
from .rmsprop import RMSProp
from .sgd import SGD

OPTIMIZERS: dict[str, Any] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adadelta": AdaDelta,
    "adam": Adam,
    "amsgrad": AMSGrad,
    "adamw": AdamW,
    "lion": Lion,
}
"""Each takes its settings by keyword and has a default for all of them."""
