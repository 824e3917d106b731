"""Formulas: one tree, laid out once, printed as LaTeX, MathML and Unicode text."""

from .boxes import Box
from .latex import latex
from .layout import Manner, layout, layout_of_size
from .mathml import mathml
from .notation import Notation
from .plain import plain, width
from .tree import Formula, Function, Symbol

__all__ = [
    "Box",
    "Formula",
    "Function",
    "Manner",
    "Notation",
    "Symbol",
    "latex",
    "layout",
    "layout_of_size",
    "mathml",
    "plain",
    "width",
]
