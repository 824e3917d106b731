"""Program -> equations: one for each line of the source, as LaTeX, MathML or Unicode text."""

from .columns import as_columns
from .line import Line
from .printed import to_latex, to_mathml, to_text
from .program import Wishes, equations, formula_of
from .rules import Rule, rule_of

__all__ = [
    "Line",
    "Rule",
    "Wishes",
    "as_columns",
    "equations",
    "formula_of",
    "rule_of",
    "to_latex",
    "to_mathml",
    "to_text",
]
