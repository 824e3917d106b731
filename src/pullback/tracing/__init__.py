"""A NumPy function -> Program: traced values, NumPy's protocols, writes, the user's names."""

from .builder import Builder
from .custom import CustomFunction, custom_vjp
from .numpy_functions import vocabulary
from .trace import EagerTrace, trace, trace_avals, trace_eager
from .traced import TracedArray, in_stage, named
from .varying import uniform_like, varying

__all__ = [
    "Builder",
    "CustomFunction",
    "EagerTrace",
    "TracedArray",
    "custom_vjp",
    "in_stage",
    "named",
    "trace",
    "trace_avals",
    "trace_eager",
    "uniform_like",
    "varying",
    "vocabulary",
]
