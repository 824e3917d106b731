"""Program -> Program: the reverse sweep, simplification, precision, frozen branches."""

from .retype import retype
from .simplify import simplify
from .vjp import gradient_program, vjp_program

__all__ = ["gradient_program", "retype", "simplify", "vjp_program"]
