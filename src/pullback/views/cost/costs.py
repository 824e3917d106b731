"""What a program costs, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dims import Shape, format_shape
from ...errors import UsageError, nearest
from ...lazy import cached_property
from ...numbers import is_whole_number
from ...program import Program, Var
from ..lines import Lines
from .amounts import Amount, amount_of, at
from .jacobians import JacobianCost, jacobian_costs
from .residuals import RETURN, Residual, lines_of_equations, residuals


@dataclass(frozen=True)
class CostLine:
    """The operations of one line of the source.

    Attributes:
        var: The variable that the line stores; None for what the return line computes.
        name: Its name.
        stage: "forward", "backward" or "update".
        shape: Its shape.
        operations: The primitives in the order in which they are done.
        amount: What they cost together.
    """

    var: Var | None
    name: str
    stage: str
    shape: Shape
    operations: tuple[str, ...]
    amount: Amount

    @property
    def shape_text(self) -> str:
        """The shape as people write it."""
        return format_shape(self.shape)


@dataclass(frozen=True)
class Cost:
    """What a program costs; print it for a table.

    Attributes:
        program: The program.
        sizes: The lengths that were given to named axes.
        lines: One per line of the source, in order.
    """

    program: Program
    sizes: Mapping[str, int]
    lines: tuple[CostLine, ...]

    @cached_property
    def stages(self) -> dict[str, Amount]:
        """The sum over the lines of each stage."""
        sums: dict[str, Amount] = {}
        for line in self.lines:
            sums[line.stage] = sums.get(line.stage, Amount()) + line.amount
        return sums

    @property
    def total(self) -> Amount:
        """The sum over all lines."""
        return sum(self.stages.values(), Amount())

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """The values that the backward pass reads, and so keeps in memory; and why."""
        source = Lines(self.program)
        return tuple(residuals(self.program, source, lambda dim: at(dim, self.sizes)))

    @cached_property
    def jacobians(self) -> tuple[JacobianCost, ...]:
        """The VJP of each forward operation against its Jacobian, which is never built."""
        return tuple(jacobian_costs(self.program, lambda dim: at(dim, self.sizes)))

    def __str__(self) -> str:
        from .tables import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from .tables import as_html

        return as_html(self)


def cost(program: Program, sizes: Mapping[str, int]) -> Cost:
    """What a program costs for axes of these lengths.

    Raises:
        UsageError: When a name is no axis of the program or a length is no whole number >= 1.
    """
    _check(program, sizes)
    source = Lines(program)
    lines_of = lines_of_equations(program, source)
    amounts: dict[tuple[str, str], Amount] = {}
    operations: dict[tuple[str, str], list[str]] = {}
    for equation in program.equations:
        if equation.out in source.hidden:
            continue
        key = (lines_of[equation.out][0], equation.stage)
        amounts[key] = amounts.get(key, Amount()) + amount_of(equation).at(sizes)
        operations.setdefault(key, []).append(equation.primitive.name)
    variables = {source.names[equation.out]: equation.out for equation in source.equations}
    lines = []
    stages = [*dict.fromkeys(stage for _, stage in amounts)]
    place = {name: number for number, name in enumerate([*variables, RETURN])}
    for name, stage in sorted(amounts, key=lambda key: (stages.index(key[1]), place[key[0]])):
        amount = amounts[name, stage]
        var = variables.get(name)
        whole = var.aval.shape if var is not None else _result_shape(program, source)
        shape = tuple(at(dim, sizes) for dim in whole)
        done = tuple(operations[name, stage])
        lines.append(CostLine(var, name, stage, shape, done, amount))
    return Cost(program, dict(sizes), tuple(lines))


def _result_shape(program: Program, source: Lines) -> Shape:
    """The shape of the result that has no line of its own, if there is one only."""
    shapes = [atom.aval.shape for atom in program.outputs if atom not in source.names]
    return shapes[0] if len(shapes) == 1 else ()


def _check(program: Program, sizes: Mapping[str, int]) -> None:
    for name, length in sizes.items():
        if name not in program.axes:
            known = ", ".join(program.axes) or "none"
            raise UsageError(
                f"cost: {name} is no axis of {program.name}; its named axes are: {known}."
                f"{nearest(name, program.axes)}"
            )
        if not is_whole_number(length) or length < 1:
            raise UsageError(f"cost: {name} must be a whole number >= 1, not {length!r}.")
