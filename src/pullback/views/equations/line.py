"""One equation as data: what pages, terminals and papers print."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...dims import Shape, format_shape
from ...formula import Box, Formula, Manner, latex, layout, mathml, plain
from ...formula.boxes import Row, Sign
from ...program import Var
from .rules import Rule


@dataclass(frozen=True, eq=False)
class Line:
    """`left relation right`: what one line of the source says.

    Attributes:
        var: The variable of the program whose value it is; None for a constant result.
        name: The variable's name in the emitted source.
        stage: "forward", "backward" or "update".
        left: Its symbol.
        relation: "=", or "←" where an update gives a parameter its new value.
        right: What it equals.
        shape: The shape of both sides as they are written.
        reason: Why the shapes can only be so; empty where nothing is known to force them.
        rules: For an error signal, the rule of each operation that sends a part of it.
        children: The values that are computed from the one whose error signal it is; empty
            text for one without a name.
        manner: How it is written.
    """

    var: Var | None
    name: str
    stage: str
    left: Formula
    relation: str
    right: Formula
    shape: Shape
    manner: Manner
    reason: str = ""
    rules: tuple[Rule, ...] = ()
    children: tuple[str, ...] = ()

    @property
    def shape_text(self) -> str:
        """The shape as people write it: (N, 10)."""
        return format_shape(self.shape)

    def latex(self, align: bool = False) -> str:
        """The equation as LaTeX; `align` puts & before the relation."""
        left, relation, right = (latex(box).strip() for box in self._boxes(self.manner))
        return f"{left} {'&' if align else ''}{relation} {right}"

    def mathml(self) -> str:
        """The equation as one MathML `mrow`."""
        return mathml(Row(self._boxes(self.manner)))

    def mathml_sides(self) -> tuple[str, str, str]:
        """Left side, relation and right side as MathML elements."""
        left, relation, right = map(mathml, self._boxes(self.manner))
        return left, relation, right

    def text(self) -> str:
        """The equation as Unicode text."""
        return "".join(self.text_sides())

    def text_sides(self) -> tuple[str, str, str]:
        """Left side, relation and right side as Unicode text."""
        left, relation, right = map(plain, self._boxes(replace(self.manner, one_line=True)))
        return left, relation, right

    def _boxes(self, manner: Manner) -> tuple[Box, Box, Box]:
        left, right = layout(self.left, manner).box, layout(self.right, manner).box
        return left, Sign(self.relation), right
