"""Program -> Program: the reverse sweep, its derivation, simplification, precision."""

from .derivation import Derivation, derivation_of, derive, local_program
from .retype import retype
from .simplify import simplify
from .sweep import Contribution, Pull
from .vjp import gradient_program, vjp_program

__all__ = [
    "Contribution",
    "Derivation",
    "Pull",
    "derivation_of",
    "derive",
    "gradient_program",
    "local_program",
    "retype",
    "simplify",
    "vjp_program",
]
