"""Pullback: write the forward pass in NumPy; read its backward pass, check it, and run it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import primitives
from .compiling import compile
from .differentiate import grad, value_and_grad, vjp
from .errors import PullbackError
from .jacobians import hessian, hvp, jacobian, jvp
from .program import Program
from .tracing import custom_vjp, trace, vocabulary

if TYPE_CHECKING:
    from . import losses, nn, optim, training
    from .checking import GradientCheck, check_gradients
    from .diagnosis import Diagnosis, diagnose
    from .experiments import compare
    from .explaining import BackwardSteps, step_through
    from .grading import BackwardCheck, check_backward
    from .models import Model, load
    from .training import Run, train

__version__ = "0.1.0"

_LOADED_WHEN_USED = {
    "GradientCheck": "checking",
    "check_gradients": "checking",
    "BackwardCheck": "grading",
    "check_backward": "grading",
    "compare": "experiments",
    "BackwardSteps": "explaining",
    "step_through": "explaining",
    "Diagnosis": "diagnosis",
    "diagnose": "diagnosis",
    "Model": "models",
    "load": "models",
    "Run": "training",
    "train": "training",
    "losses": "",
    "nn": "",
    "optim": "",
    "training": "",
}
"""Public names whose modules `import pullback` leaves for later, so that it stays quick."""

__all__ = [
    "BackwardCheck",
    "BackwardSteps",
    "Diagnosis",
    "GradientCheck",
    "Model",
    "Program",
    "PullbackError",
    "Run",
    "check_backward",
    "check_gradients",
    "compare",
    "compile",
    "custom_vjp",
    "diagnose",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load",
    "losses",
    "nn",
    "optim",
    "primitives",
    "step_through",
    "trace",
    "train",
    "training",
    "value_and_grad",
    "vjp",
    "vocabulary",
]


def __getattr__(name: str) -> Any:
    if name not in _LOADED_WHEN_USED:
        raise AttributeError(f"module 'pullback' has no attribute {name!r}")
    module = _LOADED_WHEN_USED[name]
    if not module:
        return import_module(f".{name}", __name__)
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
